package page

import (
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/site"
)

// work is what there is to do, by who does it.
type work struct {
	picture
	Mine, Nobody, Others []readiness.Action
}

func showWork(v *site.Visit) error {
	p, err := readPicture(v)
	if err != nil {
		return err
	}
	x := work{picture: p}
	for _, a := range p.Actions {
		switch {
		case a.Owner == "":
			x.Nobody = append(x.Nobody, a)
		case a.Owner == v.Actor.Name:
			x.Mine = append(x.Mine, a)
		default:
			x.Others = append(x.Others, a)
		}
	}
	return v.Show(site.Shell{Title: "My work", Current: "/work", Crumbs: []site.Crumb{{Text: "My work"}}}, workBody(x))
}

func (x work) sentence() string {
	if len(x.Actions) == 0 {
		return "There is nothing to do."
	}
	mine := "You have " + site.Plural(int64(len(x.Mine)), "thing", "things") + " to do."
	if len(x.Mine) == 0 {
		mine = "Nothing waits for you."
	}
	switch len(x.Nobody) {
	case 0:
		return mine
	case 1:
		return mine + " One has no owner yet."
	}
	return mine + " " + number(len(x.Nobody)) + " have no owner yet."
}

func (x work) facts() []site.Fact {
	return []site.Fact{{Text: "Ordered by what each would settle, the gravest first"},
		{Text: number(len(x.Mine)) + " yours, " + number(len(x.Nobody)) + " nobody's, " + number(len(x.Others)) + " of others: " + number(len(x.Actions)) + " in all"}}
}
