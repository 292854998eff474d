package checks

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A rule may come from anyone who can write checks, so its text and its work
// are both bounded.
const (
	maxExpression = 4 << 10
	maxNesting    = 50
	maxNodes      = 2_000
	maxRegexp     = 2_000
	maxCost       = 5_000_000 // about half a second
	maxMemory     = 1 << 20   // values of one step; ten characters count as one
	maxLoops      = 8
	maxGrowth     = 8       // how many times its size a text may become in one step
	maxText       = 1 << 20 // of one text in a resource, as an intake has it
	maxElements   = 10_000  // of one list or map in a resource
)

// Compiled is a check ready to judge resources of its kind. It is safe for
// concurrent use.
type Compiled struct {
	Definition Definition
	Schema     sources.Schema

	applies  *rule // nil if it always applies
	pass     *rule
	message  *rule
	defaults Params
	scopes   sync.Pool
}

// A rule is one expression of a check.
type rule struct {
	program cel.Program
	// metered programs could do more work than is accepted, so each evaluation
	// is counted and can be stopped. The others are proved cheap beforehand.
	metered bool
}

// Compile checks every name and type in the rules against the schema. A fault
// has the rule's name as its field, and its text points at the place.
func Compile(d Definition, schema sources.Schema) (*Compiled, error) {
	if schema.Kind != d.Kind {
		return nil, fault.Invalid("kind", "the check judges %q, not %q (%s)", d.Kind, schema.Kind, d.place("kind"))
	}
	if d.Schema > schema.Version {
		return nil, fault.Invalid("schema", "there is no version %d of %s: the newest is %d (%s)", d.Schema, d.Kind, schema.Version, d.place("schema"))
	}
	known, err := newFields(schema, d.Params)
	if err != nil {
		return nil, err
	}
	env, err := newEnv(known)
	if err != nil {
		return nil, err
	}
	c := &Compiled{Definition: d, Schema: schema}
	if c.defaults, err = c.Params(nil); err != nil {
		return nil, err
	}
	c.scopes.New = func() any { return newScope() }
	var all faults
	part := func(key, expression string, want *types.Type) *rule {
		r, err := compileRule(env, known, &c.Definition, key, expression, want)
		if err != nil {
			all.add(err)
		}
		return r
	}
	if d.Applies != "" {
		c.applies = part("applies", d.Applies, types.BoolType)
	}
	c.pass = part("pass", d.Pass, types.BoolType)
	c.message = part("message", d.Message, types.StringType)
	if err := all.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func newEnv(known *fields) (*cel.Env, error) {
	return cel.NewEnv(
		cel.CustomTypeProvider(known),
		cel.CustomTypeAdapter(known.Registry),
		cel.Variable("r", types.NewObjectType(resourceType)),
		cel.Variable("p", types.NewObjectType(paramsType)),
		cel.Variable("asof", types.TimestampType),
		// A newer version of the library must not change what a check means.
		ext.Strings(ext.StringsVersion(4), ext.StringsMaxPrecision(100)),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexp),
	)
}

func compileRule(env *cel.Env, known *fields, d *Definition, key, expression string, want *types.Type) (*rule, *fault.Error) {
	known.missed = nil
	if len(expression) > maxExpression {
		return nil, fault.Invalid(key, "it has %d bytes: an expression has at most %d (%s)", len(expression), maxExpression, d.place(key))
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issueFault(d, known, key, expression, issues)
	}
	if got := ast.OutputType(); !got.IsExactType(want) {
		return nil, placed(d, key, expression, 1, 0, "it gives "+typeWord(got)+" where "+typeWord(want)+" is wanted")
	}
	if e, why := forbidden(ast.NativeRep().Expr()); e != nil {
		at := ast.NativeRep().SourceInfo().GetStartLocation(e.ID())
		return nil, placed(d, key, expression, at.Line(), at.Column(), why)
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	metered := mustMeter(env, ast)
	if metered {
		options = append(options, cel.CostLimit(maxCost), cel.MemoryLimit(maxMemory), cel.InterruptCheckFrequency(100))
	}
	program, err := env.Program(ast, options...)
	if err != nil {
		return nil, fault.Invalid(key, "%v (%s)", err, d.place(key))
	}
	return &rule{program: program, metered: metered}, nil
}

// forbidden finds what CEL allows and a check does not. Metering counts a step
// after it was taken, so no single step may grow without bound: hence texts in
// quotes for what multiplies.
func forbidden(root celast.Expr) (at celast.Expr, why string) {
	refuse := func(e celast.Expr, text string) {
		if at == nil {
			at, why = e, text
		}
	}
	read := map[int64]bool{} // identifiers whose field is read
	celast.PreOrderVisit(root, celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.StructKind:
			refuse(e, "a rule reads r and p, it cannot make one")
		case celast.SelectKind:
			read[e.AsSelect().Operand().ID()] = true
		case celast.IdentKind:
			if name := e.AsIdent(); (name == "r" || name == "p") && !read[e.ID()] {
				refuse(e, name+" is read by its fields, as in "+name+".name")
			}
		case celast.CallKind:
			if text := multiplies(e.AsCall()); text != "" {
				refuse(e, text)
			}
		}
	}))
	return at, why
}

// multiplies refuses calls whose one step could cost the product of two texts.
func multiplies(call celast.CallExpr) string {
	args := call.Args()
	switch name := call.FunctionName(); {
	case name == "replace" && call.IsMemberFunction():
		old, isOld := literal(args[0])
		new, isNew := literal(args[1])
		if !isOld || !isNew || old == "" || len(new) > maxGrowth*len(old) {
			return fmt.Sprintf("replace takes two texts in quotes, the first not empty, the second at most %d times as long", maxGrowth)
		}
	case name == "join" && len(args) > 0:
		if text, is := literal(args[0]); !is || len(text) > maxGrowth {
			return fmt.Sprintf("join takes a text in quotes, of at most %d characters", maxGrowth)
		}
	case name == "matches":
		if _, is := literal(args[len(args)-1]); !is {
			return "matches takes a pattern in quotes"
		}
	}
	return ""
}

func literal(e celast.Expr) (string, bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	text, is := e.AsLiteral().(types.String)
	return string(text), is
}

// mustMeter says whether a rule could cost more than is accepted, on the
// largest resource an intake lets through.
func mustMeter(env *cel.Env, ast *cel.Ast) bool {
	estimate, err := env.EstimateCost(ast, largest{})
	if err != nil || estimate.Max > maxCost {
		return true
	}
	// Text made of text can grow with each step, and so can a list that is built
	// up. Sizes of what is made are estimated less well than those of what is
	// there, so such rules are metered.
	grows, loops := false, 0
	celast.PostOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.CallKind:
			grows = grows || growing[e.AsCall().FunctionName()]
		case celast.ComprehensionKind:
			loops++
			grows = grows || e.AsComprehension().AccuInit().Kind() == celast.ListKind
		}
	}))
	return grows || loops > maxLoops
}

// growing are functions whose result can be larger than their arguments.
var growing = map[string]bool{
	"format": true, "join": true, "replace": true, "split": true, "strings.quote": true,
}

// largest says how large each field can be at most. It knows no costs of its
// own.
type largest struct{}

// EstimateCallCost implements cost.Estimator.
func (largest) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize implements cost.Estimator.
func (largest) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if len(node.Path()) < 2 {
		return nil
	}
	switch node.Type().Kind() {
	case types.StringKind:
		return &cost.SizeEstimate{Max: maxText}
	case types.ListKind, types.MapKind:
		return &cost.SizeEstimate{Max: maxElements}
	}
	return nil
}
