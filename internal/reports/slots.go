package reports

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Who supplies a text.
const (
	firmSide   = "firm"
	clientSide = "client"
)

// A Slot is a place of the report whose words a person supplies. What nobody
// has supplied is printed as a box that says so.
type Slot struct {
	Key     string `json:"key"`
	Section string `json:"section"`
	Title   string `json:"title"`
	Side    string `json:"side"`
	// Asks is what the words have to cover.
	Asks string `json:"asks"`
	// OnlyII says that a Type I report has no such place.
	OnlyII bool `json:"type_2_only,omitempty"`
	// Modified says that it is needed when a part of the opinion is modified,
	// and left out otherwise.
	Modified bool `json:"when_modified,omitempty"`
	// Must be there before the report is issued.
	Must bool `json:"must,omitempty"`
}

// The slots that the program asks after by name.
const (
	slotBasis        = "I.basis"
	slotOpinion      = "I.opinion"
	slotRestricted   = "I.restricted_use"
	slotPlace        = "I.place"
	slotAssertion    = "II.assertion"
	slotChanges      = "III.DC9"
	slotIntroduction = "IV.introduction"
	slotOther        = "V.other"
)

// slots are all of them, in the order of the report.
var slots = []Slot{
	{Key: "I.title", Section: "I", Side: firmSide, Title: "Title", Asks: "A title that names the report as that of an independent service auditor."},
	{Key: "I.addressee", Section: "I", Side: firmSide, Title: "Addressee", Asks: "To whom the report is addressed."},
	{Key: "I.scope", Section: "I", Side: firmSide, Title: "Scope", Asks: "The system, the editions of the criteria, the categories, and the date or period."},
	{Key: "I.carve_out", Section: "I", Side: firmSide, Title: "Subservice organizations and user entities", Asks: "What is carved out or included, and which controls of others the design counts on."},
	{Key: "I.other_information", Section: "I", Side: firmSide, Title: "Other information", Asks: "That Section V was not examined and is not covered by the opinion."},
	{Key: "I.organization", Section: "I", Side: firmSide, Title: "Responsibilities of the service organization", Asks: "What management answers for."},
	{Key: "I.auditor", Section: "I", Side: firmSide, Title: "Responsibilities of the service auditor", Asks: "What the firm answers for, the standards it followed, and its independence."},
	{Key: "I.nature", Section: "I", Side: firmSide, Title: "Nature of the examination", Asks: "What an examination consists of."},
	{Key: "I.limitations", Section: "I", Side: firmSide, Title: "Inherent limitations", Asks: "What controls cannot promise."},
	{Key: "I.tests", Section: "I", Side: firmSide, Title: "Description of tests of controls", OnlyII: true, Asks: "That the tests and their results stand in Section IV."},
	{Key: slotBasis, Section: "I", Side: firmSide, Title: "Basis for the modified opinion", Modified: true, Must: true, Asks: "The criterion, the failure or the missing evidence, and its effect."},
	{Key: slotOpinion, Section: "I", Side: firmSide, Title: "Opinion", Must: true, Asks: "Each part of the opinion, as decided, with the conditions it depends on."},
	{Key: slotRestricted, Section: "I", Side: firmSide, Title: "Restricted use", Asks: "For whom the report is meant, and that it is for nobody else."},
	{Key: slotPlace, Section: "I", Side: firmSide, Title: "Place of signature", Asks: "The city in which the report is signed."},
	{Key: slotAssertion, Section: "II", Side: clientSide, Title: "The assertion", Asks: "What management asserts of the description and of its controls. It is signed as a whole."},
	{Key: "III.DC1", Section: "III", Side: clientSide, Title: "DC1 · Services provided", Asks: "The kinds of services, to whom, from where."},
	{Key: "III.DC2", Section: "III", Side: clientSide, Title: "DC2 · Principal commitments and requirements", Asks: "What was promised to users, and what the system must do for it."},
	{Key: "III.DC3", Section: "III", Side: clientSide, Title: "DC3 · Components of the system", Asks: "Infrastructure, software, people, procedures and data."},
	{Key: "III.DC4", Section: "III", Side: clientSide, Title: "DC4 · Incidents", Asks: "Incidents that came from failed controls or broke a promise: what, when, how far, how it ended."},
	{Key: "III.DC5", Section: "III", Side: clientSide, Title: "DC5 · Criteria and controls", Asks: "Which criteria apply, and how the controls of Section IV meet them."},
	{Key: "III.DC6", Section: "III", Side: clientSide, Title: "DC6 · Controls of user entities", Asks: "What customers must do themselves for the design to hold."},
	{Key: "III.DC7", Section: "III", Side: clientSide, Title: "DC7 · Subservice organizations", Asks: "Which there are, by which method, and what is expected of them."},
	{Key: "III.DC8", Section: "III", Side: clientSide, Title: "DC8 · Criteria that are not relevant", Asks: "Which criteria do not apply, and why."},
	{Key: slotChanges, Section: "III", Side: clientSide, Title: "DC9 · Significant changes", OnlyII: true, Asks: "What changed in the system and its controls during the period."},
	{Key: slotIntroduction, Section: "IV", Side: firmSide, Title: "How the controls were tested", OnlyII: true, Asks: "The kinds of tests, and how items were chosen."},
	{Key: slotOther, Section: "V", Side: clientSide, Title: "Other information from management", Asks: "What management wants to add. It is not examined."},
}

// slotsOf lists the slots of a report of a type.
func slotsOf(engagementType string) []Slot {
	return slices.DeleteFunc(slices.Clone(slots), func(s Slot) bool { return s.OnlyII && engagementType == typeI })
}

func slotOf(key string) (Slot, error) {
	for _, s := range slots {
		if s.Key == key {
			return s, nil
		}
	}
	return Slot{}, fault.Invalid("place", "the report has no place %q; places are written like %s or III.DC1", key, slotOpinion)
}

const (
	typeI  = scopes.TypeI
	typeII = scopes.TypeII
)

// titles of the sections; their numbers are labels.
var sectionTitles = map[string]map[string]string{
	"I":   {typeI: "Independent service auditor’s report", typeII: "Independent service auditor’s report"},
	"II":  {typeI: "Management’s assertion", typeII: "Management’s assertion"},
	"III": {typeI: "Description of the system", typeII: "Description of the system"},
	"IV":  {typeI: "Criteria and controls", typeII: "Criteria, controls, tests and results"},
	"V":   {typeI: "Other information provided by management", typeII: "Other information provided by management"},
}

// Anchor is the place on a page where a slot's words are given.
func Anchor(key string) string { return strings.ReplaceAll(strings.ToLower(key), ".", "-") }
