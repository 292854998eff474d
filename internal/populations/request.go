package populations

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
)

// Wish is a list that the auditor asks for.
type Wish struct {
	Engagement string   `json:"engagement" doc:"The engagement's id."`
	Code       string   `json:"code" minLength:"1" maxLength:"20" doc:"What both sides call it, such as POP-08."`
	Title      string   `json:"title" minLength:"1" maxLength:"200" doc:"What is on it, such as: production changes deployed."`
	Controls   []string `json:"controls,omitempty" maxItems:"50" doc:"Codes of the controls that it is for."`
	Reason     string   `json:"reason,omitempty" maxLength:"2000" doc:"Why an earlier request of the same code is abandoned. It stays on record with its commitment."`
}

var codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$`)

func request(c *op.Call, in Wish) (Population, error) {
	r, err := engagements.AsFirm(c, in.Engagement)
	if err != nil {
		return Population{}, err
	}
	if err := r.From(engagements.Engaged); err != nil {
		return Population{}, err
	}
	p, err := in.population(c, r)
	if err != nil {
		return Population{}, err
	}
	if err := abandon(c, r, p.Code, strings.TrimSpace(in.Reason)); err != nil {
		return Population{}, err
	}
	nonce := sample.NewNonce()
	commitment := nonce.Commitment()
	p.Commitment = hex.EncodeToString(commitment[:])
	sealed, err := c.Vault.Put(c, r.File, nonce[:])
	if err != nil {
		return Population{}, err
	}
	if err := c.Vault.Keep(c.Tx, r.File, sealed, c.Now); err != nil {
		return Population{}, err
	}
	p.CommitEntry, err = c.Append(op.Record{Kind: canon.KindSample, ID: string(p.ID), Body: map[string]any{
		"step": "commit", "engagement": string(r.ID), "population": p.Code, "commitment": p.Commitment,
	}})
	if err != nil {
		return Population{}, err
	}
	_, err = c.Tx.Exec(insertPopulation, r.File, p.ID, r.ID, p.Code, p.Title, strings.Join(p.Controls, " "), p.Commitment, p.CommitEntry,
		sealed.Address, "", 0, "", 0, "", p.Actor, clock.Millis(c.Now))
	if db.IsDuplicate(err) {
		return Population{}, fault.Conflict("%s was requested a moment ago.", p.Code)
	}
	if err != nil {
		return Population{}, err
	}
	return Find(c, r, p.Code)
}

func (in Wish) population(c *op.Call, r *engagements.Room) (Population, error) {
	p := Population{ID: id.New[id.Population](c.Now), Engagement: r.ID, Code: strings.TrimSpace(in.Code), Title: strings.TrimSpace(in.Title),
		Requested: c.Now, Actor: c.Actor.Name}
	if !codeForm.MatchString(p.Code) {
		return p, fault.Invalid("code", "a code is capitals and digits with dashes between, such as POP-08")
	}
	if p.Title == "" {
		return p, fault.Invalid("title", "say what is on the list, such as: production changes deployed")
	}
	for _, code := range in.Controls {
		code = strings.TrimSpace(code)
		if code == "" || slices.Contains(p.Controls, code) {
			continue
		}
		if err := sample.CheckControl(code); err != nil || len(code) > 40 || strings.ContainsAny(code, " \u00a0") {
			return p, fault.Invalid("controls", "%q is not the code of a control, such as CHG-01", clip(code))
		}
		p.Controls = append(p.Controls, code)
	}
	slices.Sort(p.Controls)
	return p, nil
}

// abandon gives an earlier request of the same code up. One nonce belongs to
// one request: whoever asks again makes another, and the first stays to be seen.
func abandon(c *op.Call, r *engagements.Room, code, reason string) error {
	pops, err := all(c, r)
	if err != nil {
		return err
	}
	for _, p := range current(pops) {
		if p.Code != code {
			continue
		}
		if reason == "" {
			return fault.Conflict("%s was requested before, by %s. To ask again with another number, give the reason; the first request stays on record as abandoned.", code, p.Actor)
		}
		if _, err := c.Tx.Exec(abandonPopulation, clock.Millis(c.Now), reason, r.File, p.ID); err != nil {
			return err
		}
		c.Note("abandoned", string(p.ID))
	}
	return nil
}

// Reveal opens the nonce of a population, which from then on both sides can
// read. It is part of drawing its first sample and never comes before the list
// is accepted. The call acts for the engagement's file.
func Reveal(c *op.Call, r *engagements.Room, p Population) (sample.Nonce, error) {
	if p.Nonce != "" {
		n, err := sample.ParseNonce(p.Nonce)
		return n, err
	}
	if p.Accepted() == nil {
		return sample.Nonce{}, fault.Conflict("%s is not accepted as complete and accurate. Its number stays closed until it is.", p.Code)
	}
	data, err := c.Vault.Get(c, r.File, p.secret)
	if err != nil {
		return sample.Nonce{}, err
	}
	if len(data) != len(sample.Nonce{}) {
		return sample.Nonce{}, fault.Conflict("The number of %s is not what was committed to. Ask for the list again.", p.Code)
	}
	n := sample.Nonce(data)
	if sum := n.Commitment(); hex.EncodeToString(sum[:]) != p.Commitment {
		return sample.Nonce{}, fault.Conflict("The number of %s is not what was committed to. Ask for the list again.", p.Code)
	}
	done, err := c.Tx.Exec(revealPopulation, n.String(), clock.Millis(c.Now), c.Actor.Name, r.File, p.ID)
	if err == nil && done == 0 {
		err = fault.Conflict("The number of %s was revealed a moment ago.", p.Code)
	}
	return n, err
}
