package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/DeRuina/timberjack"

	"aliaport/internal/config"
)

// serverLogger writes to the log file of the settings, or to stderr where there is none.
// Files are the affair of each server and no job's: a job runs on one server only. A new
// file is begun at midnight UTC and when the old one is full; what is too old or too many
// goes then. The closer ends that.
func (a *app) serverLogger(cfg *config.Config) (*slog.Logger, io.Closer, error) {
	if cfg.LogFile == "" {
		return a.logger(cfg), io.NopCloser(nil), nil
	}
	// The library says nothing of a file that it cannot open, and its lines would be lost.
	f, err := os.OpenFile(cfg.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log file of ALIAPORT_LOG_FILE: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, fmt.Errorf("close the log file of ALIAPORT_LOG_FILE: %w", err)
	}
	to := &timberjack.Logger{
		Filename: cfg.LogFile, FileMode: 0o600, Compression: "gzip", RotateAt: []string{"00:00"},
		MaxSize: cfg.LogFileMB, MaxBackups: cfg.LogFileKeep, MaxAge: cfg.LogFileDays,
	}
	return slog.New(logHandler(cfg, to)), to, nil
}
