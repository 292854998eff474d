package doc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/doc"
)

var created = time.Date(2026, 11, 18, 9, 30, 0, 0, time.UTC)

func meta() doc.Meta {
	return doc.Meta{
		Title: "System and Organization Controls 2, Type II: Meridian Ledger", Subject: "Report on controls at a service organization",
		Author: "Hale & Ostrander LLP", Producer: "Tickmark", Created: created, Mark: "DRAFT, not signed",
	}
}

const prose = `We have examined the description of the system titled “Meridian Ledger, a hosted accounting platform” for the period from 1 January 2026 to 30 June 2026, and the suitability of the design and operating effectiveness of the controls stated in it, to provide reasonable assurance that the service commitments and system requirements were achieved.

Our examination included Talia Řezníčková’s team in Łódź and Анна Ковалёва in Yerevan. We believe that the evidence obtained is sufficient and appropriate to provide a reasonable basis for our opinion.`

// sample has each kind of block once, and a table over several pages.
func sample() *doc.PDF {
	p := doc.New(meta())
	p.Cover(doc.Cover{
		Kicker: "SOC 2® Type II", Title: "Report on Meridian Ledger, a hosted accounting platform",
		Subtitle: "Relevant to security, availability and confidentiality, throughout the period 1 January 2026 to 30 June 2026",
		Facts:    [][2]string{{"Service organization", "Meridian Ledger, Inc."}, {"Service auditor", "Hale & Ostrander LLP"}, {"Period", "1 January 2026 to 30 June 2026"}},
		Note:     "This report is intended solely for the information and use of the service organization, user entities and others who have sufficient knowledge of it.",
	})
	p.Contents()
	p.Section("Section I", "Independent service auditor’s report")
	p.Heading(2, "Scope")
	p.Paragraph(prose)
	p.Rich(doc.Span{Text: "Bold, ", Bold: true}, doc.Span{Text: "italic and ", Italic: true}, doc.Span{Text: "sha256:9f86d081884c7d65", Mono: true}, doc.Span{Text: " in one paragraph."})
	p.Heading(3, "Responsibilities of the service organization")
	p.List([]string{"Preparing the description and the assertion.", "Providing the services that the description covers, and choosing the trust services categories that are addressed and stating the commitments.", "Identifying the risks."})
	p.Heading(4, "Inherent limitations")
	p.Paragraph(prose)
	p.Placeholder("To be supplied: management’s response", "The service organization has not yet answered the two exceptions in Section IV. The report cannot be issued before.")
	p.Signature(doc.Signature{Name: "Margit Ostrander", Title: "Engagement partner", Firm: "Hale & Ostrander LLP", Place: "Columbus, Ohio", Date: "18 November 2026",
		Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Entry: "48,213"})
	p.Section("Section IV", "Tests of controls and results")
	p.Heading(2, "Controls of the service organization")
	p.Facts([][2]string{{"Controls tested", "41"}, {"Exceptions", "2, in AC-07 and CM-02; each is described where it was found, with the response of the service organization"}})
	p.Table(doc.Table{
		Caption: "Populations and samples", Columns: []doc.Column{{Title: "Population", Width: 4}, {Title: "Items", Align: "right"}, {Title: "Sampled", Align: "right"}, {Title: "Amount, USD", Width: 1.6, Align: "right"}},
		Rows:  [][]doc.Cell{{{Text: "Joiners"}, {Text: "111"}, {Text: "25"}, {Text: "1,171,117.00"}}, {{Text: "Leavers"}, {Text: "48"}, {Text: "15"}, {Text: "90,808.40"}}},
		Total: []doc.Cell{{Text: "Total"}, {Text: "159"}, {Text: "40"}, {Text: "1,261,925.40"}},
	})
	t := doc.Table{Caption: "Tests", Columns: []doc.Column{{Title: "Control", Width: 0.8}, {Title: "Criteria", Width: 0.8}, {Title: "What was tested", Width: 3}, {Title: "Result", Width: 2}}}
	for i := range 40 {
		result := []doc.Span{{Text: "No exceptions noted.", Italic: true}}
		if i%11 == 7 {
			result = []doc.Span{{Text: "Exception noted. ", Bold: true}, {Text: "For 1 of 25 leavers, access ended 9 days after the last day of work."}}
		}
		t.Rows = append(t.Rows, []doc.Cell{{Text: fmt.Sprintf("AC-%02d", i+1), Bold: true}, {Text: "CC6.1, CC6.2"},
			{Text: "Inspected, for a sample of " + strings.Repeat("accounts and approvals ", i%5+1) + "that access was approved before it was granted."}, {Spans: result}})
	}
	p.Table(t)
	p.Note("Where sampling was used, sample sizes follow the table in Section III.")
	p.Paragraph("What no font has is replaced: 東京 and 🙂.")
	return p
}

func render(t testing.TB, p *doc.PDF) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
