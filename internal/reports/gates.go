package reports

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/opinions"
)

// What stands before the states that a report belongs to.
var (
	_ = engagements.Gate(engagements.Condition{Into: engagements.ManagementReview, Title: "A draft tells the last conclusions", Check: drafted})
	_ = engagements.Gate(engagements.Condition{Into: engagements.SignOff, Type: typeII, Title: "Management has responded to the deviations", Check: responded})
	_ = engagements.Gate(engagements.Condition{Into: engagements.Issued, Title: "Criteria and parts of the opinion are concluded", Private: true, Check: concluded})
	_ = engagements.Gate(engagements.Condition{Into: engagements.Issued, Title: "The words of the opinion are there", Private: true, Check: worded})
	_ = engagements.Gate(engagements.Condition{Into: engagements.Issued, Title: "The newest draft says what the report will say", Private: true, Check: unchanged})
	_ = engagements.Gate(engagements.Condition{Into: engagements.Issued, Title: "Management has signed its assertion on the newest draft", Check: asserted})
)

type lacks = []engagements.Missing

func one(text, href string) lacks { return lacks{{Text: text, Href: href}} }

func drafted(c *op.Call, r *engagements.Room) (lacks, string, error) {
	all, err := prints(c, r)
	if err != nil {
		return nil, "", err
	}
	newest := newestOf(all)
	if newest == nil {
		return one("no draft is printed", "/report"), "", nil
	}
	held, err := opinions.Read(c, r)
	if err == nil && held.Last > newest.Entry {
		return one(fmt.Sprintf("print %d is older than the last conclusion", newest.Number), "/report"), "", nil
	}
	return nil, fmt.Sprintf("Print %d", newest.Number), err
}

func responded(c *op.Call, r *engagements.Room) (lacks, string, error) {
	held, err := opinions.Read(c, r)
	if err != nil {
		return nil, "", err
	}
	var out lacks
	n := 0
	for _, s := range held.Tested {
		for _, d := range s.Deviations {
			n++
			if d.Response == "" {
				out = append(out, engagements.Missing{Text: s.Control + ", " + d.Item, Href: "/deviations#" + string(d.ID)})
			}
		}
	}
	return out, fmt.Sprintf("%d of %d", n-len(out), n), nil
}

func concluded(c *op.Call, r *engagements.Room) (lacks, string, error) {
	held, err := opinions.Read(c, r)
	if err != nil {
		return nil, "", err
	}
	var out lacks
	for _, code := range held.Open() {
		out = append(out, engagements.Missing{Text: code, Href: "/conclusions#" + code})
	}
	for _, part := range held.Undecided() {
		out = append(out, engagements.Missing{Text: part, Href: "/conclusions#" + part})
	}
	for _, p := range held.Parts {
		if p.Decision.Stands() && p.Decision.Value == opinions.Withdraw {
			out = append(out, engagements.Missing{Text: "withdrawal was decided on the " + p.Part, Href: "/conclusions#" + p.Part})
		}
	}
	return out, "", nil
}

func worded(c *op.Call, r *engagements.Room) (lacks, string, error) {
	m, err := gather(c, r)
	if err != nil {
		return nil, "", err
	}
	var out lacks
	for _, s := range slotsOf(r.Type) {
		if s.Must && m.Texts[s.Key] == "" && (!s.Modified || m.modified()) {
			out = append(out, engagements.Missing{Text: s.Title, Href: "/report#" + Anchor(s.Key)})
		}
	}
	return out, "", nil
}

func unchanged(c *op.Call, r *engagements.Room) (lacks, string, error) {
	all, err := prints(c, r)
	if err != nil {
		return nil, "", err
	}
	newest := newestOf(all)
	if newest == nil {
		return one("no draft is printed", "/report"), "", nil
	}
	m, err := gather(c, r)
	if err != nil {
		return nil, "", err
	}
	now, err := m.prints()
	if err != nil {
		return one(err.Error(), "/report"), "", nil
	}
	var out lacks
	for _, section := range changed(newest.sections, now) {
		out = append(out, engagements.Missing{Text: fmt.Sprintf("%s says something else than print %d", section, newest.Number), Href: "/report"})
	}
	return out, fmt.Sprintf("Print %d", newest.Number), nil
}

func asserted(c *op.Call, r *engagements.Room) (lacks, string, error) {
	all, err := prints(c, r)
	if err != nil {
		return nil, "", err
	}
	a, err := assertionOf(c, r, all)
	switch {
	case err != nil:
		return nil, "", err
	case a == nil:
		return one("the assertion of "+r.Client.Name, "/report#assertion"), "", nil
	case !a.Newest:
		return one("the assertion was signed on an older draft", "/report#assertion"), "", nil
	}
	return nil, fmt.Sprintf("%s, entry %d of the client’s log", a.Name, a.Entry), nil
}
