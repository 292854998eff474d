package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
)

// file writes a file to hand in.
func (j *trip) file(name, text string) string {
	j.t.Helper()
	path := filepath.Join(j.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		j.t.Fatal(err)
	}
	return path
}

const sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"gosec","rules":[{"id":"G101","shortDescription":{"text":"Hard-coded credentials"}}]}},
"results":[{"ruleId":"G101","level":"error","message":{"text":"A credential is written in the source"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"main.go"},"region":{"startLine":3}}}]}]}]}`

// handed: a scanner's file is told by its looks and read; a table's columns are
// given a meaning; a bad file says where.
func handed(j *trip) {
	give := func(name, text string) {
		j.t.Helper()
		j.at("/sources/ingest")
		j.Upload("[name=file]", j.file(name, text))
		j.follow(".tm-dropfile button")
	}
	const read = "main form.tm-form button[type=submit]:not([name])"
	name := j.named("Joiners")
	j.at("/sources/new?kind=file")
	j.fill("[name=name]", name)
	j.follow(read)
	j.at("/sources/ingest")
	j.fair("files handed in")
	give("gosec.sarif", sarif)
	j.WaitURL("/imports/")
	j.WaitText("main h1", "SARIF")
	j.fair("how a file is to be read")
	j.follow(read)
	j.WaitText("main h1", "two things were taken")
	j.fair("what was taken of a file")
	j.follow("main a[href*='/finding']")
	j.follow("main tbody a")
	j.holds("main", "G101")

	give("broken.sarif", strings.Replace(sarif, `"ruleId":"G101","level"`, `"ruleId":7,"level"`, 1))
	j.WaitURL("/imports/")
	if j.Count("main form button[type=submit]") > 0 {
		j.follow(read)
	}
	j.WaitText("main h1", "refused")
	j.holds("main", "(line 2)")
	j.holds("main", "a string is accepted")
	j.fair("a file that was refused")

	give("joiners.csv", "person,mail,joined\nA. Novak,novak@larchmere.example,2026-07-01\nB. Ruiz,ruiz@larchmere.example,2026-08-15\n")
	j.WaitURL("/imports/")
	j.WaitText("main h1", "It looks like a table (CSV)")
	j.fair("a table that was handed in")
	option := ""
	j.Eval(`[...document.querySelectorAll("[name=source] option")].find(o => o.textContent.includes(`+quoted(name)+`)).value`, &option)
	j.fill("[name=source]", option)
	j.follow(read)
	j.WaitURL("/mapping?import=")
	j.fair("columns without a meaning")
	j.fill("[name=kind]", "person")
	j.fill("[name=key]", "mail")
	j.fill("[name=field_name]", "person")
	j.follow("button[value=look]")
	j.WaitText("#becomes", "A. Novak")
	j.fair("what the rows would become")
	j.follow(read)
	j.WaitURL("/imports/")
	j.WaitText("main h1", "two things were taken")
	j.follow("main a[href$='/person']")
	j.holds("main", "novak@larchmere.example")

	for _, choice := range []string{"false", "true"} { // refuse the file, or leave the bad row out
		give("more.csv", "person,mail,joined\nA. Novak,novak@larchmere.example,2026-07-01\nC. Extra,,2026-09-01\n")
		j.WaitText("main h1", "It looks like")
		j.fill("[name=source]", option)
		if choice == "true" {
			j.press("[name=skip_bad][value=true]")
		}
		j.follow(read)
		if choice == "true" {
			j.WaitText("main h1", "one thing was taken")
			j.fair("a table less one row")
		} else {
			j.WaitText("main h1", "refused")
			j.fair("a table with a bad row")
		}
		j.holds("main", "3")
	}
}
