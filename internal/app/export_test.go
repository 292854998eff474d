package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/tickmark/tickmark/internal/demo"
)

// PlayDemoUntil tells the beginning of the year.
func (a *App) PlayDemoUntil(ctx context.Context, until time.Time) error {
	s := &demo.Stage{Engine: a.Engine, Clock: a.moved, Reader: a.Reader, Dir: filepath.Join(a.Config.Data, "demo"), Until: until}
	return s.Year(ctx)
}

// NewServer is a server as the program sets it up.
var NewServer = (*App).server

// Receive takes apart the stream in which a server sends a backup.
var Receive = receive
