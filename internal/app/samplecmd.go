package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sample"
)

// sampleCmd is what a stranger repeats a selection and its evaluation with. It
// reads no data directory and makes none.
type sampleCmd struct {
	Recompute recomputeCmd `cmd:"" help:"Draw a sample again from a revealed nonce and a population."`
	Evaluate  evaluateCmd  `cmd:"" help:"Compute what a result says of the whole population."`
}

type recomputeCmd struct {
	Nonce   string `help:"The nonce as it was revealed, 64 hexadecimal characters." required:"" placeholder:"HEX"`
	Items   string `help:"The population: one item id a line, or an id, a TAB and the commitment to its record. - reads it from standard input." required:"" placeholder:"FILE"`
	Control string `help:"The reference of the control." required:"" placeholder:"REF"`
	Period  string `help:"The first and the last day." required:"" placeholder:"FROM/TO"`
	N       int    `name:"n" help:"The size of the sample." required:"" placeholder:"N"`
	Method  string `help:"One of random, systematic, stratified." default:"random" placeholder:"METHOD"`
	Strata  string `help:"For a stratified sample: an item id, a TAB and its stratum a line. - reads it from standard input." placeholder:"FILE"`
}

// recomputed is the answer in JSON.
type recomputed struct {
	Protocol   string         `json:"protocol"`
	Commitment string         `json:"commitment"`
	Digest     string         `json:"digest"`
	Control    string         `json:"control"`
	Period     string         `json:"period"`
	Seed       string         `json:"seed"`
	Method     sample.Method  `json:"method"`
	Population int            `json:"N"`
	Size       int            `json:"n"`
	Start      *int           `json:"start,omitempty"`      // of a systematic sample
	Allocation map[string]int `json:"allocation,omitempty"` // of a stratified one
	Items      []string       `json:"items"`
}

// Run prints the items in the order of their ranks, a stratified sample by
// stratum first.
func (c *recomputeCmd) Run(_ context.Context, t *cli.Terminal) error {
	nonce, err := c.check()
	if err != nil {
		return err
	}
	rows, err := readFile("items", c.Items, t.In, sample.ReadItems)
	if err != nil {
		return err
	}
	var strata map[string]string
	if c.Strata != "" {
		if strata, err = readFile("strata", c.Strata, t.In, sample.ReadStrata); err != nil {
			return err
		}
	}
	digest, err := sample.Digest(rows)
	if err != nil {
		return fault.Invalid("items", "%s", err)
	}
	for i, row := range rows {
		rows[i] = sample.ItemOf(row)
	}
	seed := nonce.Seed(digest, c.Control, c.Period)
	picks, err := sample.Draw(seed, rows, strata, sample.Method(c.Method), c.N)
	if err != nil {
		return fault.Invalid("", "%s", err)
	}
	commitment := nonce.Commitment()
	out := recomputed{
		Protocol: sample.Protocol, Commitment: hex.EncodeToString(commitment[:]), Digest: hex.EncodeToString(digest[:]),
		Control: c.Control, Period: c.Period, Seed: seed.String(), Method: sample.Method(c.Method), Population: len(rows), Size: c.N,
	}
	for _, p := range picks {
		out.Items = append(out.Items, p.Item)
		if strata != nil {
			if out.Allocation == nil {
				out.Allocation = map[string]int{}
			}
			out.Allocation[p.Stratum]++
		}
	}
	if out.Method == sample.Systematic {
		start := seed.Start(len(rows))
		out.Start = &start
	}
	if t.JSON {
		return printJSON(t.Out, out)
	}
	_, err = io.WriteString(t.Out, strings.Join(out.Items, "\n")+"\n")
	return err
}

// check refuses what can be refused before a file is read.
func (c *recomputeCmd) check() (sample.Nonce, error) {
	nonce, err := sample.ParseNonce(c.Nonce)
	if err != nil {
		return nonce, fault.Invalid("nonce", "%s", err)
	}
	if err := sample.CheckControl(c.Control); err != nil {
		return nonce, fault.Invalid("control", "%s", err)
	}
	if _, _, err := sample.ParsePeriod(c.Period); err != nil {
		return nonce, fault.Invalid("period", "%s", err)
	}
	stratified := sample.Method(c.Method) == sample.Stratified
	switch {
	case c.N < 1:
		return nonce, fault.Invalid("n", "a sample has at least 1 item; this has %d", c.N)
	case stratified && c.Strata == "":
		return nonce, fault.Invalid("strata", "a stratified sample needs the stratum of every item")
	case !stratified && c.Strata != "":
		return nonce, fault.Invalid("strata", "strata go with --method stratified and with no other")
	case c.Items == "-" && c.Strata == "-":
		return nonce, fault.Invalid("strata", "standard input can be read only once: give a file for the items or for the strata")
	}
	return nonce, nil
}

// readFile reads a file, or standard input for "-".
func readFile[T any](field, path string, stdin io.Reader, read func(io.Reader) (T, error)) (T, error) {
	var none T
	from := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return none, fault.Invalid(field, "%s", err)
		}
		defer f.Close()
		from = f
	}
	out, err := read(from)
	if err != nil {
		return none, fault.Invalid(field, "%s", err)
	}
	return out, nil
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

type evaluateCmd struct {
	N          int     `name:"n" help:"How many items were tested." required:"" placeholder:"N"`
	K          int     `name:"k" help:"How many of them deviate." required:"" placeholder:"K"`
	Confidence float64 `help:"How sure the limit is to be, between 0.5 and 1; 0.90 if left out." default:"0.90" placeholder:"RATE"`
	Tolerable  float64 `help:"The rate that is tolerable, between 0 and 1; 0.10 if left out." default:"0.10" placeholder:"RATE"`
	Population *int    `help:"The size of the population, to reckon with the hypergeometric instead of the binomial model." placeholder:"N"`
}

// The models of a limit.
const (
	binomial       = "binomial"
	hypergeometric = "hypergeometric"
)

// evaluated is the answer in JSON.
type evaluated struct {
	N          int     `json:"n"`
	K          int     `json:"k"`
	Population int     `json:"population,omitempty"`
	Confidence float64 `json:"confidence"`
	Tolerable  float64 `json:"tolerable"`
	Model      string  `json:"model"`
	Observed   float64 `json:"observed"`
	UpperLimit float64 `json:"upper_limit"`
	UpperCount *int    `json:"upper_count,omitempty"`
	// SmallestN is null where no sample supports the rate.
	SmallestN  *int `json:"smallest_n"`
	Supports   bool `json:"supports"`
	Meaningful bool `json:"meaningful"`
}

// Run prints the limit and what it supports.
func (c *evaluateCmd) Run(_ context.Context, t *cli.Terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	out := evaluated{
		N: c.N, K: c.K, Confidence: c.Confidence, Tolerable: c.Tolerable, Model: binomial,
		Observed: float64(c.K) / float64(c.N), Meaningful: sample.Meaningful(c.N),
	}
	if c.Population == nil {
		out.UpperLimit = sample.UpperLimit(c.N, c.K, c.Confidence)
		smallest := sample.SmallestN(c.K, c.Tolerable, c.Confidence)
		out.SmallestN, out.Supports = &smallest, out.UpperLimit <= c.Tolerable
	} else {
		size := *c.Population
		count := sample.UpperLimitOf(size, c.N, c.K, c.Confidence)
		out.Model, out.Population, out.UpperCount = hypergeometric, size, &count
		out.UpperLimit, out.Supports = float64(count)/float64(size), count <= sample.Tolerated(size, c.Tolerable)
		if n, ok := sample.SmallestNOf(size, c.K, c.Tolerable, c.Confidence); ok {
			out.SmallestN = &n
		}
	}
	if t.JSON {
		return printJSON(t.Out, out)
	}
	_, err := io.WriteString(t.Out, out.text())
	return err
}

// The smallest tolerable rate, below which the sizes of samples mean nothing.
const minTolerable = 0.0001

func (c *evaluateCmd) check() error {
	switch {
	case c.N < 1 || c.N > sample.MaxItems:
		return fault.Invalid("n", "between 1 and %d items were tested; this is %d", sample.MaxItems, c.N)
	case c.K < 0 || c.K > c.N:
		return fault.Invalid("k", "between none and all of the %d items deviate; this is %d", c.N, c.K)
	case c.Population != nil && (*c.Population < c.N || *c.Population > sample.MaxItems):
		return fault.Invalid("population", "a population of which %d items were tested has between %d and %d; this is %d", c.N, c.N, sample.MaxItems, *c.Population)
	}
	limits := sample.Limits{Confidence: c.Confidence, Tolerable: c.Tolerable}
	if err := limits.Validate(); err != nil {
		return fault.Invalid("", "%s", err)
	}
	if c.Tolerable < minTolerable {
		return fault.Invalid("tolerable", "a tolerable rate is at least %v, such as 0.10; this is %v", minTolerable, c.Tolerable)
	}
	return nil
}

// text says the same to people. What is not meaningful it says so of, and what
// is exact it does not call a limit.
func (e evaluated) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Deviations: %d of %d, %.4f %%.\n", e.K, e.N, 100*e.Observed)
	if e.N == e.Population {
		b.WriteString("All items were tested, so the rate is exact and nothing is projected.\n")
	} else {
		fmt.Fprintf(&b, "Upper limit at %s confidence: %.4f %%", percent(e.Confidence), 100*e.UpperLimit)
		if e.UpperCount != nil {
			fmt.Fprintf(&b, ", %d of %d items", *e.UpperCount, e.Population)
		}
		fmt.Fprintf(&b, " (%s).\n", e.Model)
	}
	if !e.Meaningful && e.N != e.Population {
		fmt.Fprintf(&b, "That is not meaningful: fewer than %d items were tested.\n", sample.MinMeaningful)
	}
	verdict := "not supported"
	if e.Supports {
		verdict = "supported"
	}
	fmt.Fprintf(&b, "A tolerable rate of %s is %s.\n", percent(e.Tolerable), verdict)
	switch {
	case e.N == e.Population:
	case e.SmallestN == nil:
		fmt.Fprintf(&b, "With %d deviating, no sample of this population would support it.\n", e.K)
	default:
		fmt.Fprintf(&b, "With %d deviating, the smallest sample that supports it: %d.\n", e.K, *e.SmallestN)
	}
	return b.String()
}

func percent(rate float64) string {
	return strconv.FormatFloat(100*rate, 'g', 6, 64) + " %"
}
