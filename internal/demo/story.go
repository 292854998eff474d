package demo

// The people of the story. Their password is Password.
var (
	ines   = person{"Ines Okafor", "ines@larchmere.example", "owner", ""}
	jonas  = person{"Jonas Lindqvist", "jonas@larchmere.example", "compliance_lead", ""}
	mei    = person{"Mei-Lin Park", "mei@larchmere.example", "control_owner", ""}
	tomas  = person{"Tomás Reiter", "tomas@larchmere.example", "sponsor", ""}
	voss   = person{"Eleanor Voss", "eleanor@aldinevoss.example", "partner", ""}
	thiel  = person{"Marcus Thiel", "marcus@aldinevoss.example", "manager", ""}
	dana   = person{"Dana Whitfield", "dana@aldinevoss.example", "staff", ""}
	priya  = person{"Priya Natarajan", "priya@larchmere.example", "compliance_lead", "second_lead"}
	rashid = person{"Rashid Adeyemi", "rashid@larchmere.example", "owner", "second_owner"}
	greta  = person{"Greta Zeman", "greta@larchmere.example", "employee", ""}
	lukas  = person{"Lukas Weiss", "lukas@larchmere.example", "operator", ""}
	client = "Larchmere"
	firm   = "Aldine Voss"
)

// Password opens every account of a demonstration.
const Password = "larchmere demonstration"

// A person signs in, has a role, and is called by it in the story; a second
// one of the same role has a name of their own.
type person struct{ name, email, role, called string }

func (p person) seat() string {
	if p.called != "" {
		return p.called
	}
	return p.role
}

// A control of the story, what shows it, and the document that does.
type control struct {
	code, title, text string
	criteria          []string
	frequency         string
	attributes        []string
	document          string // what is handed in where the control itself is looked at
}

// The lists that samples are drawn from.
const (
	changes = "POP-08"
	reviews = "POP-07"
)

var inspected = []string{"A approved, and in force throughout the period", "B says who does what, and when"}

// story are the controls that answer the 33 common criteria.
var story = []control{
	{"GOV-81", "Management oversees security", "Management names who answers for security, keeps a code of conduct and reviews the state of security each quarter.",
		[]string{"CC1.1", "CC1.2", "CC1.3", "CC1.4", "CC1.5"}, "quarterly", inspected,
		"Security charter. Approved by the management of Larchmere on the first day of the period. The head of engineering answers for security. Management reviews its state each quarter; everybody signs the code of conduct when they join and each January."},
	{"COM-81", "What people need to know reaches them", "Duties and changes are announced to staff; commitments and ways to report are published to customers.",
		[]string{"CC2.1", "CC2.2", "CC2.3"}, "monthly", inspected,
		"Communication plan. In force throughout the period. Changes of duties are announced by the lead on the day they take effect. The page on security names the address at which customers report."},
	{"RSK-81", "Risks are assessed", "Risks, fraud and coming changes are assessed each year and whenever the system changes much.",
		[]string{"CC3.1", "CC3.2", "CC3.3", "CC3.4"}, "annual", inspected,
		"Risk assessment of the year. Approved by management. Each risk has an owner and a treatment with a date. Fraud is a chapter of its own; so are changes planned."},
	{"MON-81", "Controls are watched and findings followed up", "Checks run daily; what fails becomes a task with an owner and a date.",
		[]string{"CC4.1", "CC4.2"}, "weekly", inspected,
		"Monitoring procedure. In force throughout the period. Checks run each night. The control's owner answers a finding within five working days; the lead follows up each Monday."},
	{"ACT-81", "Policies become controls", "Policies are approved each year and each names the controls that carry it out.",
		[]string{"CC5.1", "CC5.2", "CC5.3"}, "annual", inspected,
		"Index of policies. Each policy was approved by management within the year before the period's end and names its controls and their owners."},
	{"ACC-81", "Access is reviewed each month", "The owner of each system reviews who has access, and what is not needed is removed before the month ends.",
		[]string{"CC6.1", "CC6.2", "CC6.3"}, "monthly", []string{"A done by the system's owner in its month", "B what was not needed was removed"}, ""},
	{"PHY-81", "Rooms and media", "Rooms are locked and media wiped before they leave.",
		[]string{"CC6.4", "CC6.5"}, "monthly", inspected,
		"Facilities standard. In force throughout the period. The office manager keeps the list of keys; media are wiped by operations before they leave, and the serial number is noted."},
	{"NET-81", "Boundaries, transmission and malware", "Traffic from outside ends at one gateway, is encrypted, and machines run malware protection.",
		[]string{"CC6.6", "CC6.7", "CC6.8"}, "monthly", inspected,
		"Network standard. In force throughout the period. Operations keep the gateway's rules; changes to them follow the change procedure. Connections from outside use TLS 1.2 or later."},
	{"OPS-81", "Weaknesses and events are found and judged", "Machines are scanned weekly; alerts are judged by whoever is on call.",
		[]string{"CC7.1", "CC7.2", "CC7.3"}, "weekly", inspected,
		"Operations handbook. In force throughout the period. Scans run on Sundays; findings are rated by Monday. Whoever is on call judges an alert within the hour."},
	{"INC-81", "Incidents are answered and recovered from", "Incidents follow a written plan that is rehearsed each year; recovery is tested.",
		[]string{"CC7.4", "CC7.5"}, "annual", inspected,
		"Incident plan. Approved by management, in force throughout the period. The incident lead is named for each week. The plan was rehearsed in the spring; recovery was tested in the same week."},
	{"CHG-81", "Changes can be traced", "Every change to the main line says which part it changes and what it does, and names its author.",
		[]string{"CC8.1"}, "many_times_a_day",
		[]string{"A names its author and who put it in", "B says which part it changes, and what it does"}, ""},
	{"VEN-81", "Disruption and suppliers", "Suppliers are assessed before they are used; insurance and a plan for disruption exist.",
		[]string{"CC9.1", "CC9.2"}, "annual", inspected,
		"Supplier register and continuity plan. Approved by management, in force throughout the period. The lead assesses each supplier before its first use and each year after."},
}

// traced are the expressions by which CHG-L1 is proposed to hold.
var traced = []string{
	`A r.author_email != "" && r.committer_email != ""`,
	`B r.subject.matches("^[a-z0-9 ,/._-]+: .{8,}")`,
}
