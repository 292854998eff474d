package app

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/tickmark/tickmark/internal/evidence"
)

// Export writes the bundle of an organization to a file.
func (a *App) Export(ctx context.Context, org, path string, out io.Writer) error {
	desk, err := a.Desk(ctx, org)
	if err != nil {
		return err
	}
	stop := a.sealing(ctx)
	defer stop()
	var made evidence.Export
	err = create(path, func(w io.Writer) (err error) {
		made, err = evidence.WriteBundle(ctx, desk, w)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Wrote %s. The export is entry %d of the log.\nCheck it with: tickmark-verify --key KEY %s\n", path, made.Entry, filepath.Base(path))
	return err
}
