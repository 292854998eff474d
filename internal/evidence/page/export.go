package page

import (
	"io"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

func showExport(v *site.Visit) error {
	if err := v.Actor.Require(auth.ExportWrite); err != nil {
		return err
	}
	head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	return v.Show(logShell("Export", site.Crumb{Text: "Export"}), exportBody(head, fileName(v)))
}

func fileName(v *site.Visit) string {
	return "tickmark-" + v.Clock.Now().Format(time.DateOnly) + ".evb"
}

func export(v *site.Visit) error {
	return v.Send(fileName(v), func(w io.Writer) error {
		_, err := evidence.WriteBundle(v.Context(), v.Desk, w)
		return err
	})
}

func commands(head evidence.Head, file string) string {
	return "tickmark-verify \\\n  --key '" + head.Key + "' \\\n  " + file + "\n\n# the same for programs\ntickmark-verify --json \\\n  --key '" + head.Key + "' \\\n  " + file
}
