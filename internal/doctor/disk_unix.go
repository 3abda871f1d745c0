//go:build linux || darwin

package doctor

import "syscall"

// space is what the disk of dir has left for this user, and in all.
func space(dir string) (free, total uint64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	block := uint64(st.Bsize) //nolint:gosec // never negative
	return st.Bavail * block, st.Blocks * block, nil
}
