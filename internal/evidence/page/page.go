// Package page holds the pages of evidence, of the log it lies in, and of its
// export.
package page

import (
	"fmt"
	"net/url"

	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /evidence", Handle: showList},
		{Pattern: "GET /evidence/new", Handle: showNew},
		{Pattern: "POST /evidence/new", Handle: submit},
		{Pattern: "GET /evidence/due", Handle: showDue},
		{Pattern: "GET /evidence/capture", Handle: showCapture},
		{Pattern: "POST /evidence/capture", Handle: takeTicket},
		{Pattern: "GET /evidence/{id}", Handle: showRecord},
		{Pattern: "POST /evidence/{id}/review", Handle: review},
		{Pattern: "POST /evidence/{id}/link", Handle: link},
		{Pattern: "POST /evidence/{id}/unlink", Handle: unlink},
		{Pattern: "POST /evidence/{id}/validate", Handle: validate},
		{Pattern: "POST /evidence/{id}/original", Handle: openOriginal},
		{Pattern: "GET /evidence/{id}/redact", Handle: showRedact},
		{Pattern: "POST /evidence/{id}/redact", Handle: redact},
		{Pattern: "GET /evidence/{id}/bytes", Handle: download},
		{Pattern: "GET /log", Handle: showLog},
		{Pattern: "POST /log/verify", Handle: verify},
		{Pattern: "GET /log/{index}", Handle: showEntry},
		{Pattern: "GET /log/{index}/receipt", Handle: receipt},
		{Pattern: "GET /log/{index}/proof", Handle: proofFile},
		{Pattern: "GET /export", Handle: showExport},
		{Pattern: "POST /export", Handle: export},
	}
}

func evidenceShell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/evidence", Crumbs: append([]site.Crumb{{Text: "Evidence", Href: "/evidence"}}, crumbs...)}
}

func logShell(title string, crumbs ...site.Crumb) site.Shell {
	return site.Shell{Title: title, Current: "/log", Crumbs: append([]site.Crumb{{Text: "Evidence log", Href: "/log"}}, crumbs...)}
}

func address(path string, q url.Values) string {
	for k, v := range q {
		if len(v) == 0 || v[0] == "" {
			q.Del(k)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// proof says how far the proof of an entry has come.
func proof(head evidence.Head, entry int64) site.ProofState {
	switch {
	case head.ReadOnly != "":
		return site.ProofBroken
	case entry < head.SignedSize:
		return site.ProofSealed
	}
	return site.ProofWaiting
}

// level is how reliable a record is, in words.
func level(n int64) string {
	if n > 0 && n < int64(len(evidence.Levels)) {
		return fmt.Sprintf("%d %s", n, evidence.Levels[n])
	}
	return fmt.Sprint(n)
}

func entryPath(index int64) string { return fmt.Sprintf("/log/%d", index) }
