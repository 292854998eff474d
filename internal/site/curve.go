package site

import (
	"strconv"
	"strings"
)

// CurvePoint is an upper limit at a number of items, in ten-thousandths of a
// percent.
type CurvePoint struct {
	N     int
	Limit int64
}

// CurveMark is a point of the curve that is named.
type CurveMark struct {
	CurvePoint
	Status     Status // pass supports, fail does not; none is where the sample stands
	Text       string // "7.66 %", "11.89 % now"
	Deviations int
}

// CurveView shows what more testing would prove: the upper limit of the rate of
// deviation by the number of items, solid as far as it was tested.
type CurveView struct {
	Title     string
	Done      []CurvePoint // so far
	Ahead     []CurvePoint // if nothing more deviates
	Marks     []CurveMark
	Tolerable int64 // ten-thousandths of a percent
	Note      string
	Table     string // id under which the table below is found; also keeps two curves apart
}

// The chart's height and its margins below and above, in pixels.
const (
	curveHeight = 152
	curveTop    = 6
	curveFloor  = 134
)

const wholePercent = 10_000 // of the unit of limits

// top is the highest percentage drawn.
func (v CurveView) top() int64 {
	most := v.Tolerable
	for _, m := range v.Marks {
		most = max(most, m.Limit)
	}
	for _, t := range []int64{30, 60} {
		if most*10 <= t*9*wholePercent {
			return t
		}
	}
	return 100
}

func (v CurveView) lines() []int64 {
	t := v.top()
	if t == 100 {
		return []int64{0, 25, 50, 75, 100}
	}
	return []int64{0, t / 3, 2 * t / 3, t}
}

// wide is the number of items at the right edge.
func (v CurveView) wide() int {
	most := 0
	for _, m := range v.Marks {
		most = max(most, m.N)
	}
	return max(20, most+most/13)
}

func (v CurveView) x(n int) string { return percent(int64(n), int64(v.wide())) }

// limitY is where a limit is drawn; what is above the top is not.
func (v CurveView) limitY(limit int64) int {
	t := v.top() * wholePercent
	return curveFloor - int(min(limit, t)*(curveFloor-curveTop)/t)
}

func (v CurveView) y(limit int64) string { return strconv.Itoa(v.limitY(limit)) }

// path joins the points that lie below the top. It is drawn in hundredths of an
// item across and in pixels down.
func (v CurveView) path(list []CurvePoint) string {
	var b strings.Builder
	top := v.top() * wholePercent
	for i, p := range list {
		if p.Limit > top {
			continue
		}
		switch {
		case b.Len() > 0:
			b.WriteByte('L')
		case i > 0: // where the curve comes in from above
			q := list[i-1]
			cut := int64(q.N)*100 + (q.Limit-top)*int64(p.N-q.N)*100/(q.Limit-p.Limit)
			b.WriteString("M" + strconv.FormatInt(cut, 10) + " " + strconv.Itoa(curveTop) + "L")
		default:
			b.WriteByte('M')
		}
		b.WriteString(strconv.Itoa(p.N*100) + " " + v.y(p.Limit))
	}
	return b.String()
}

func (v CurveView) box() string {
	return "0 0 " + strconv.Itoa(v.wide()*100) + " " + strconv.Itoa(curveHeight)
}

// ticks are the numbers below: zero, the named points, and 25 where there is room.
func (v CurveView) ticks() []int {
	list := []int{0}
	free := func(n int) bool {
		for _, x := range list {
			if abs(x-n)*100 < v.wide()*9 {
				return false
			}
		}
		return true
	}
	for _, m := range v.Marks {
		if free(m.N) {
			list = append(list, m.N)
		}
	}
	if v.wide() > 25 && free(25) {
		list = append(list, 25)
	}
	return list
}

func abs(n int) int { return max(n, -n) }

func (m CurveMark) class() string {
	switch m.Status {
	case StatusPass:
		return "tm-curve-pass"
	case StatusFail:
		return "tm-curve-fail"
	}
	return "tm-curve-now"
}

// low reports whether a label stands below its point: those that support stand
// under the line they have come below.
func (v CurveView) low(m CurveMark) bool { return m.Limit <= v.Tolerable }

func (v CurveView) labelY(m CurveMark) string {
	y := v.limitY(m.Limit)
	switch {
	case v.low(m):
		return strconv.Itoa(min(y+16, curveFloor-3))
	case m.Status == "":
		return strconv.Itoa(y - 6)
	}
	return strconv.Itoa(y - 8)
}

// anchor keeps a label inside the chart.
func (v CurveView) anchor(m CurveMark) string {
	if v.low(m) || m.N*100 > v.wide()*72 {
		return "end"
	}
	return "start"
}

func (v CurveView) shift(m CurveMark) string {
	if v.anchor(m) == "end" {
		return "5"
	}
	if m.Status == "" {
		return "6"
	}
	return "1"
}

func (v CurveView) tolerable() string { return "tolerable " + Rate(v.Tolerable) }

func (v CurveView) said() string {
	var parts []string
	for _, m := range v.Marks {
		s := Plural(int64(m.N), "item", "items") + " with " + Plural(int64(m.Deviations), "deviation", "deviations") + ": " + exactly(m.Limit)
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ") + "; " + v.tolerable()
}

// Rate writes ten-thousandths of a percent with the decimals it needs, at most
// the four that rates are defined to: 5 %, 2.5 %, 11.8854 %.
func Rate(tenThousandths int64) string {
	s := Count(tenThousandths/wholePercent) + "." + pad(tenThousandths%wholePercent, 4)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".") + " %"
}

// exactly writes a limit with all the decimals it is defined to: 7.6640 %.
func exactly(tenThousandths int64) string {
	return Count(tenThousandths/wholePercent) + "." + pad(tenThousandths%wholePercent, 4) + " %"
}

// ParseRate reads a percentage as the operations write it: "11.8854".
func ParseRate(s string) int64 {
	whole, part, _ := strings.Cut(s, ".")
	part = (part + "0000")[:4]
	n, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// rows are the named points as a table.
func (v CurveView) rows() TableView {
	t := TableView{Caption: v.Title, Columns: []Column{{Head: "Items", Num: true, Phone: PlaceFirst}, {Head: "Deviations", Num: true}, {Head: "Limit", Num: true}, {Head: "Supports", Phone: PlaceEnd}}, Density: "compact"}
	for _, m := range v.Marks {
		word := "no"
		if m.Limit <= v.Tolerable {
			word = "yes"
		}
		t.Rows = append(t.Rows, Row{Cells: []Cell{Number(int64(m.N), ""), Number(int64(m.Deviations), ""), Words(exactly(m.Limit)), Words(word)}})
	}
	return t
}
