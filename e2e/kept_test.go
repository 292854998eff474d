package e2e_test

import (
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
)

// kept: an asset is added, leaves the scope by two people, what a source shows
// becomes one, and a file of them is refused and then taken.
func kept(j *trip) {
	name := j.named("Wiki")
	const submit = "main form.tm-form button[type=submit]:not([name])"
	j.at("/assets/new")
	j.follow(submit)
	j.Wait(".tm-errors")
	j.fair("an asset of no name")
	j.fill("[name=name]", name)
	j.fill("[name=type]", "saas")
	j.fill("[name=class]", "internal")
	j.follow(submit)
	j.WaitURL("/assets/ast_")
	j.fair("an asset")
	at := j.URL()
	j.follow("main a[href$='/scope']")
	j.follow(submit)
	j.Wait(".tm-errors")
	j.fill("[name=reason]", "It holds nothing of customers.")
	j.follow(submit)
	j.Goto(at)
	if j.Count("#approve, button[form=approve]") > 0 {
		j.t.Error("whoever asks that an asset leaves is offered to approve it")
	}
	other := j.with(auth.Lead)
	other.Goto(at)
	other.fair("an asset that waits to leave")
	other.follow("button[form=approve]")
	other.WaitText("main", "ut of scope")

	j.at("/assets/reconciliation")
	j.fair("reconciliation")
	before := numbers(j.Text("#rows .tm-pager"))
	j.press("#rows tbody [name=id]")
	j.follow("#rows button[value=adopt]")
	if j.Count("#rows .tm-pager") > 0 {
		if after := numbers(j.Text("#rows .tm-pager")); after[1] != before[1]-1 {
			j.t.Errorf("one of %d was taken into the register, %d are left", before[1], after[1])
		}
	} else if before[1] != 1 {
		j.t.Errorf("one of %d was taken, and none is left", before[1])
	}
	j.fair("reconciliation, less one")

	j.ignored()

	j.at("/assets/import")
	head := "name,type,class\n"
	j.Upload("[name=file]", j.file("assets.csv", head+j.named("Ledger")+",database,confidential\nBad,spaceship,internal\n"))
	j.press("main form[enctype] button[type=submit]") // it comes back in place
	j.Wait("#faults")
	j.fair("a file with a bad line")
	if said := j.Text("#faults"); !strings.Contains(said, "3") || !strings.Contains(said, "saas") {
		j.t.Errorf("a bad line is said to be: %s", said)
	}
	j.Upload("[name=file]", j.file("assets.csv", head+j.named("Ledger")+",database,confidential\n"))
	j.press("main form[enctype] button[type=submit]") // it comes back in place
	j.Wait("#trial")
	j.fair("what a file would do")
	j.follow("#trial button[type=submit]")
	j.WaitURL("/assets")
	j.holds("main tbody", j.named("Ledger"))
}

// ignored says that what a source shows is no asset, and takes that back.
func (j *trip) ignored() {
	j.t.Helper()
	j.at("/assets/reconciliation?list=unknown")
	if j.Count("#rows tbody [name=id]") == 0 {
		return // the other device took what there was
	}
	name := j.value("document.querySelector('#rows tbody td a').textContent")
	j.press("#rows tbody [name=id]")
	j.fill("#rows [name=reason]", "It is a copy.")
	j.follow("#rows button[value=ignore]")
	j.at("/assets/reconciliation?list=ignored")
	j.holds("#rows tbody", name)
	j.fair("what is said to be no asset")
	j.press("#rows tbody [name=id]")
	j.follow("#rows button[value=unignore]")
	j.at("/assets/reconciliation?list=unknown")
	j.holds("#rows tbody", name)
}
