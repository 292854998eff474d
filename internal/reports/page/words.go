package page

import (
	"strconv"

	"github.com/tickmark/tickmark/internal/site"
)

func assertionFacts(x book) []site.FactRow {
	a := x.Assertion
	signer := a.Name
	if a.Title != "" {
		signer += ", " + a.Title
	}
	return []site.FactRow{{Key: "Signed by", Value: signer}, {Key: "Signed", Node: site.Moment(a.At)}, {Key: "On", Value: "print " + x.numberOf(string(a.Report))},
		{Key: "Text", Node: site.Digest(site.DigestView{Value: a.SHA256, Short: true})}, {Key: "Entry", Value: site.Count(a.Entry) + " of the log of " + x.Room.Client.Name}}
}

// numberOf is the number of a print.
func (x book) numberOf(id string) string {
	for _, p := range x.Prints {
		if string(p.ID) == id {
			return strconv.FormatInt(p.Number, 10)
		}
	}
	return "that is not shown"
}

func (x asserting) draftFact() []site.Fact {
	p := x.Newest()
	return []site.Fact{{Text: "Against print " + strconv.FormatInt(p.Number, 10), Href: x.at("/prints/" + string(p.ID))}, {Text: "As", Person: x.Me}}
}

func (x issuing) issueSentence() string {
	if n := len(x.lacks()); n > 0 {
		return "The report cannot be issued yet: " + site.Several(int64(n), "thing is", "things are") + " missing."
	}
	return "Sign the opinion and issue the report."
}
