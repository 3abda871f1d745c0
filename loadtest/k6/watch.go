package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what the processes took, a sample a second. Without a database server its
// figures are zero: SQLite works in the server's process.
type Usage struct {
	Samples []Sample `json:"samples"`
	// Seconds of CPU over the whole run.
	ServerCPU   float64 `json:"serverCpu"`
	DatabaseCPU float64 `json:"databaseCpu"`
	K6CPU       float64 `json:"k6Cpu"`
	OthersCPU   float64 `json:"othersCpu"` // whatever else runs on the machine
	Span        float64 `json:"span"`      // seconds that these are of
	// MiB at most.
	ServerMemory   float64 `json:"serverMemory"`
	DatabaseMemory float64 `json:"databaseMemory"`
}

// Sample is how many cores each took in the second before, and its memory then.
type Sample struct {
	Server         float64 `json:"s"`
	Database       float64 `json:"d"`
	K6             float64 `json:"k"`
	Others         float64 `json:"o"`
	ServerMemory   float64 `json:"sm"`
	DatabaseMemory float64 `json:"dm"`
}

type watcher struct {
	server, postmaster, k6 int
	stop                   chan struct{}
	done                   chan Usage
}

// watch samples the processes until end is called; those with number 0 are not there.
func watch(server, postmaster, k6 int) *watcher {
	w := &watcher{server, postmaster, k6, make(chan struct{}), make(chan Usage)}
	go w.run()
	return w
}

func (w *watcher) end() Usage {
	close(w.stop)
	return <-w.done
}

func (w *watcher) run() {
	var u Usage
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	begin := w.taken()
	start := time.Now()
	last, at := begin, start
	for {
		select {
		case <-w.stop:
			w.done <- u
			return
		case now := <-tick.C:
			t, span := w.taken(), now.Sub(at).Seconds()
			s := Sample{
				Server: round((t[0] - last[0]) / span), Database: round((t[1] - last[1]) / span), K6: round(max(0, t[2]-last[2]) / span),
				Others:       round(max(0, t[3]-last[3]-(t[0]-last[0])-(t[1]-last[1])-max(0, t[2]-last[2])) / span),
				ServerMemory: round(resident(w.server)), DatabaseMemory: round(shared(w.postmaster)),
			}
			if t[2] == 0 { // k6 has ended
				t[2] = last[2]
			}
			last, at = t, now
			u.Span = round(now.Sub(start).Seconds())
			u.OthersCPU = round(max(0, t[3]-begin[3]-(t[0]-begin[0])-(t[1]-begin[1])-(t[2]-begin[2])))
			u.Samples = append(u.Samples, s)
			u.ServerCPU, u.DatabaseCPU, u.K6CPU = round(t[0]-begin[0]), round(t[1]-begin[1]), round(t[2]-begin[2])
			u.ServerMemory, u.DatabaseMemory = max(u.ServerMemory, s.ServerMemory), max(u.DatabaseMemory, s.DatabaseMemory)
		}
	}
}

// taken are the seconds of CPU that server, database and k6 have had, and all together
// on this machine.
func (w *watcher) taken() (t [4]float64) {
	t[3] = busy()
	t[0], t[2] = cpu(w.server, false), cpu(w.k6, false)
	if w.postmaster != 0 {
		t[1] = cpu(w.postmaster, true)
		for _, child := range children(w.postmaster) {
			t[1] += cpu(child, false)
		}
	}
	return t
}

// fields are those of /proc/PID/stat from the third on: the name before them may hold
// blanks.
func fields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

const perSecond = 100 // USER_HZ

// busy are the seconds of CPU that the machine has not rested.
func busy() (seconds float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	const idle, iowait, guest = 4, 5, 9 // the guests' time is in that of users
	for i, f := range strings.Fields(first) {
		if i == 0 || i == idle || i == iowait || i >= guest {
			continue
		}
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0
		}
		seconds += n / perSecond
	}
	return seconds
}

// cpu are the seconds of a process, with those of children that have ended if asked.
func cpu(pid int, ended bool) (seconds float64) {
	f := fields(pid)
	if len(f) < 15 {
		return 0
	}
	last := 13
	if ended {
		last = 15
	}
	for _, ticks := range f[11:last] {
		n, err := strconv.ParseFloat(ticks, 64)
		if err != nil {
			return 0
		}
		seconds += n / perSecond
	}
	return seconds
}

// parent is the number of the process that started another.
func parent(pid int) (int, error) {
	f := fields(pid)
	if len(f) < 2 {
		return 0, fmt.Errorf("%w process: %d", errUnknown, pid)
	}
	return strconv.Atoi(f[1])
}

func children(pid int) (all []int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	if err != nil {
		return nil
	}
	for text := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.Atoi(text); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// resident is the memory of a process in MiB.
func resident(pid int) float64 { return line(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:") }

// shared is the memory of a process and its children in MiB; what they share counts
// once.
func shared(pid int) (sum float64) {
	if pid == 0 {
		return 0
	}
	for _, p := range append(children(pid), pid) {
		sum += line(fmt.Sprintf("/proc/%d/smaps_rollup", p), "Pss:")
	}
	return sum
}

// line is the value of a line in kB, as MiB; 0 where there is none.
func line(file, name string) float64 {
	b, err := os.ReadFile(file) //nolint:gosec // below /proc
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, name); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				n, err := strconv.ParseFloat(f[0], 64)
				if err != nil {
					return 0
				}
				return n / 1024
			}
		}
	}
	return 0
}

// loadAverage is how busy the machine was in the last minute.
func loadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return n
}

// precedence tells whether this process, and so what it starts, goes before others on
// the machine: nice -n -10 make load.
func precedence() bool {
	const ordinary = 20 // as the kernel counts, which knows nothing below zero
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	return err == nil && n > ordinary
}
