package op

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
)

const (
	selectAnswers = "SELECT actor, key, output FROM op_key WHERE org_id = ? AND output <> '{}'"
	blankAnswer   = "UPDATE op_key SET output = '{}' WHERE org_id = ? AND actor = ? AND key = ?"
)

// Forget blanks the answers that are kept for repeated writes and that mention
// one of the words, such as the id of a record that is erased. The key stays:
// a repeated write is still recognised, and answers with nothing.
func (c *Call) Forget(words ...string) error {
	type answer struct{ actor, key, output string }
	var hit []answer
	err := c.Tx.Each(selectAnswers, []any{c.Org}, func(scan func(...any) error) error {
		var a answer
		err := scan(&a.actor, &a.key, &a.output)
		for _, w := range words {
			if w != "" && strings.Contains(a.output, w) {
				hit = append(hit, a)
				break
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range hit {
		if _, err := c.Tx.Exec(blankAnswer, c.Org, a.actor, a.key); err != nil {
			return err
		}
	}
	return nil
}

const blankActs = "UPDATE op_key SET output = '{}' WHERE org_id = ? AND actor = ? AND op = ? AND at >= ? AND at <= ?"

// ForgetAct blanks the answer that is kept of one act, known by who did what
// when. The answer may have been stored a moment before or after the entry.
func (c *Call) ForgetAct(actor, op string, at time.Time) error {
	const around = 5 * time.Second
	_, err := c.Tx.Exec(blankActs, c.Org, actor, op, clock.Millis(at.Add(-around)), clock.Millis(at.Add(around)))
	return err
}
