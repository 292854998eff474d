package op

import (
	"regexp"
	"slices"
)

const insertSubject = "INSERT INTO op_subject (org_id, subject, entry) VALUES (?, ?, ?) ON CONFLICT (org_id, subject, entry) DO NOTHING"

var (
	// subjectID is an identifier. People have none here: whom an entry mentions
	// goes with its text when that is erased, and must not stay beside it.
	subjectID = regexp.MustCompile(`^[a-z]{3}_[0-9a-v]{26}$`)
	// subjectCode is what controls, criteria and checks are called.
	subjectCode = regexp.MustCompile(`^(?:[A-Z]{3}-[0-9]{2,3}|[a-z][a-z0-9-]*(?:\.[a-z0-9-]+){1,4})$`)
	// coded are the fields of entries whose text may be such a name.
	coded = map[string]bool{"id": true, "ids": true, "code": true, "codes": true, "control": true, "controls": true, "check": true}
)

// maxSubjects bounds what one entry is found by: nobody looks for an import of
// thousands by each of its lines.
const maxSubjects = 100

// subjects are the objects that an entry mentions.
func subjects(body map[string]any) []string {
	var out []string
	var walk func(field string, v any)
	walk = func(field string, v any) {
		switch v := v.(type) {
		case string:
			known := subjectID.MatchString(v) && v[:4] != "usr_" || coded[field] && subjectCode.MatchString(v)
			if known && len(out) < maxSubjects && !slices.Contains(out, v) {
				out = append(out, v)
			}
		case []any:
			for _, x := range v {
				walk(field, x)
			}
		case map[string]any:
			for k, x := range v {
				if k != "op" {
					walk(k, x)
				}
			}
		}
	}
	walk("", body)
	slices.Sort(out)
	return out
}

// mention has an entry found by what it is about.
func (c *Call) mention(body map[string]any, entry int64) error {
	for _, s := range subjects(body) {
		if _, err := c.Tx.Exec(insertSubject, c.Org, s, entry); err != nil {
			return err
		}
	}
	return nil
}
