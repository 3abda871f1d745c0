package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"aliaport/internal/backup"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
)

// backupSettings are the fields that the commands about backups have flags for.
var backupSettings = []string{"DatabaseURL", "BackupDir", "BackupSecondDir", "AuditArchiveDir", "PGBinDir", "LogLevel", "LogFormat"}

// backups are those of the settings.
func (a *app) backups(cmd *cobra.Command) (*backup.Service, *config.Config, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, nil, err
	}
	if cfg.BackupDir == "" {
		return nil, nil, errors.New("give the folder of the backups: --backup-dir")
	}
	return &backup.Service{
		URL: cfg.DatabaseURL.Reveal(), Dir: cfg.BackupDir, Second: cfg.BackupSecondDir, Archive: cfg.AuditArchiveDir,
		Program: thisBuild().Version, PGBin: cfg.PGBinDir, Now: calendar.Now, Log: a.logger(cfg),
	}, cfg, nil
}

func newBackupCommand(a *app) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Take a backup of the database, which may be in use",
		Long: `Take a backup of the database, which may be in use, into the folder ALIAPORT_BACKUP_DIR: the data, compressed, and a
manifest with the hash of every file and, for every table, the number of rows and a digest of exactly what was saved.
The archived months of the audit trail are kept beside the backups, once. Prints the name of the backup.

The server takes one every night by itself (job backup), restores it once a week (job backup_drill), and removes old ones.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, cfg, err := a.backups(cmd)
			if err != nil {
				return err
			}
			if list {
				return a.listBackups(s)
			}
			if err := existing(cfg); err != nil {
				return err
			}
			m, err := s.Create(cmd.Context())
			if m != nil {
				fmt.Fprintf(a.stdout, "%s\n%d tables, %d rows, %d bytes, %d archived months\n", filepath.Join(s.Dir, m.Name), len(m.Tables), m.Rows(), m.Bytes(), len(m.Archive))
			}
			return err
		},
	}
	config.AddFlags(cmd.Flags(), backupSettings...)
	cmd.Flags().BoolVar(&list, "list", false, "list the backups that are there, and take none")
	return cmd
}

func (a *app) listBackups(s *backup.Service) error {
	all, err := backup.List(s.Dir)
	for _, m := range all {
		fmt.Fprintf(a.stdout, "%s\t%d rows\t%d bytes\n", m.Name, m.Rows(), m.Bytes())
	}
	return err
}

// chosen is the folder of the backup that was named, or that of the newest.
func chosen(s *backup.Service, args []string) (string, error) {
	if len(args) == 1 {
		if filepath.Base(args[0]) == args[0] {
			return filepath.Join(s.Dir, args[0]), nil
		}
		return filepath.Clean(args[0]), nil
	}
	all, err := backup.List(s.Dir)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no backup in %s", s.Dir)
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(s.Dir, all[0].Name), nil
}

func newBackupVerifyCommand(a *app) *cobra.Command {
	var drill bool
	cmd := &cobra.Command{
		Use:   "verify [BACKUP]",
		Short: "Check that a backup is what was written, and that it can be restored",
		Long: `Read every file of a backup, the newest unless one is named, and compare it with the manifest. With --drill the newest
is restored into a scratch database as well, whose tables are compared with those that were saved.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _, err := a.backups(cmd)
			if err != nil {
				return err
			}
			dir, err := chosen(s, args)
			if err != nil {
				return err
			}
			m, err := backup.Verify(dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s: all %d files are as they were written\n", m.Name, len(m.Files)+len(m.Archive))
			if !drill {
				return nil
			}
			if m, err = s.Drill(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s: restored, and all %d rows of %d tables are as they were saved\n", m.Name, m.Rows(), len(m.Tables))
			return nil
		},
	}
	config.AddFlags(cmd.Flags(), backupSettings...)
	cmd.Flags().BoolVar(&drill, "drill", false, "restore the newest into a scratch database too")
	return cmd
}

func newBackupRestoreCommand(a *app) *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "restore [BACKUP]",
		Short: "Restore a backup into the database, and prove it",
		Long: `Restore a backup, the newest unless one is named, into the database of ALIAPORT_DATABASE_URL, and compare every table
with what was saved. Stop all servers first. A database that is there is left alone unless --overwrite says otherwise;
on SQLite the old file then stays beside the new one, as NAME.before-restore. The archived months of the audit trail
are put back where they are missing. A backup of an older version is then brought up to date by aliaport migrate up.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, cfg, err := a.backups(cmd)
			if err != nil {
				return err
			}
			dir, err := chosen(s, args)
			if err != nil {
				return err
			}
			return a.restoreBackup(cmd.Context(), cfg, s, dir, overwrite)
		},
	}
	config.AddFlags(cmd.Flags(), backupSettings...)
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the database that is there")
	return cmd
}

func (a *app) restoreBackup(ctx context.Context, cfg *config.Config, s *backup.Service, dir string, overwrite bool) error {
	m, err := s.Restore(ctx, dir, cfg.DatabaseURL.Reveal(), overwrite)
	if err != nil {
		return err
	}
	months, err := s.RestoreArchive(dir, m)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: restored to %s; all %d rows of %d tables are as they were saved, %d archived months put back\n", m.Name, cfg.Database(), m.Rows(), len(m.Tables), months)
	return nil
}
