package site

import (
	"strconv"
	"strings"

	"rsc.io/qr"
)

// quiet is the white border that readers of QR codes need, in squares.
const quiet = 4

// qrCode is a text as squares: one path, so that it needs neither a style nor
// an image from elsewhere.
type qrCode struct {
	side int    // in squares, with the border
	path string // of an SVG
}

func qrOf(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, err
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			run := 0
			for x+run < c.Size && c.Black(x+run, y) {
				run++
			}
			if run > 0 {
				n := strconv.Itoa(run)
				b.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + n + "v1h-" + n + "z")
				x += run
			}
		}
	}
	return qrCode{c.Size + 2*quiet, b.String()}, nil
}

func (q qrCode) box() string { return "0 0 " + strconv.Itoa(q.side) + " " + strconv.Itoa(q.side) }
