package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
	"time"
)

// A FileDate is a time that a file says of itself.
type FileDate struct {
	What string // created, changed
	At   time.Time
	// Floating times say no zone: they may be off by as much as 14 hours.
	Floating bool
}

// Bounds of what is read of a file's own dates.
const (
	maxDates     = 20
	maxSegments  = 2000
	maxDirectory = 500
	maxCore      = 1 << 20
)

// datesIn reads the dates that PDF, PNG, JPEG and office files say of
// themselves. Nothing is also an answer: most files can be rid of them.
func datesIn(data []byte) []FileDate {
	var out []FileDate
	switch {
	case bytes.HasPrefix(data, []byte("%PDF-")):
		out = pdfDates(data)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		out = pngDates(data)
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		out = jpegDates(data)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		out = officeDates(data)
	}
	return out[:min(len(out), maxDates)]
}

var pdfDate = regexp.MustCompile(`/(CreationDate|ModDate)\s{0,5}\(D:(\d{14})(Z|[+-]\d{2}'?\d{2}'?)?`)

func pdfDates(data []byte) (out []FileDate) {
	for _, m := range pdfDate.FindAllSubmatch(data, maxDates) {
		d := FileDate{What: "created", Floating: len(m[3]) == 0}
		if string(m[1]) == "ModDate" {
			d.What = "changed"
		}
		form, text := "20060102150405", string(m[2])
		if zone := bytes.ReplaceAll(m[3], []byte("'"), nil); len(zone) > 1 {
			form, text = form+"-0700", text+string(zone)
		}
		var err error
		if d.At, err = time.Parse(form, text); err == nil {
			out = append(out, d)
		}
	}
	return out
}

func pngDates(data []byte) (out []FileDate) {
	for at, n := 8, 0; n < maxSegments && at+12 <= len(data); n++ {
		size := int64(binary.BigEndian.Uint32(data[at:]))
		kind := string(data[at+4 : at+8])
		end := int64(at) + 12 + size
		if end > int64(len(data)) {
			break
		}
		body := data[at+8 : at+8+int(size)]
		switch {
		case kind == "tIME" && size == 7:
			t := time.Date(int(binary.BigEndian.Uint16(body)), time.Month(body[2]), int(body[3]), int(body[4]), int(body[5]), int(body[6]), 0, time.UTC)
			out = append(out, FileDate{What: "changed", At: t}) // in UTC, as the format says
		case kind == "eXIf":
			out = append(out, exifDates(body)...)
		case kind == "IEND":
			return out
		}
		at = int(end)
	}
	return out
}

func jpegDates(data []byte) []FileDate {
	for at, n := 2, 0; n < maxSegments && at+4 <= len(data) && data[at] == 0xff; n++ {
		kind, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if size < 2 || at+2+size > len(data) || kind == 0xda { // the picture begins
			return nil
		}
		if body := data[at+4 : at+2+size]; kind == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return exifDates(body[6:])
		}
		at += 2 + size
	}
	return nil
}

// exifDates reads DateTime, DateTimeOriginal and DateTimeDigitized of a TIFF
// structure.
func exifDates(b []byte) (out []FileDate) {
	if len(b) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	} else if string(b[:2]) != "II" {
		return nil
	}
	queue, seen := []uint32{order.Uint32(b[4:])}, map[uint32]bool{}
	for len(queue) > 0 && len(seen) < 4 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] || int64(at)+2 > int64(len(b)) {
			continue
		}
		seen[at] = true
		n := int(order.Uint16(b[at:]))
		for i := range min(n, maxDirectory) {
			e := int64(at) + 2 + int64(i)*12
			if e+12 > int64(len(b)) {
				break
			}
			name, kind, count, value := order.Uint16(b[e:]), order.Uint16(b[e+2:]), order.Uint32(b[e+4:]), order.Uint32(b[e+8:])
			switch name {
			case 0x8769: // the directory of the exposure
				queue = append(queue, value)
			case 0x0132, 0x9003, 0x9004:
				if kind != 2 || count != 20 || int64(value)+19 > int64(len(b)) {
					continue
				}
				t, err := time.Parse("2006:01:02 15:04:05", string(b[value:value+19]))
				if err != nil {
					continue
				}
				what := "created"
				if name == 0x0132 {
					what = "changed"
				}
				out = append(out, FileDate{What: what, At: t, Floating: true})
			}
		}
	}
	return out
}

var coreDate = regexp.MustCompile(`<dcterms:(created|modified)[^>]{0,200}>\s{0,20}([0-9TZ:.+\-]{10,40})\s{0,20}<`)

func officeDates(data []byte) (out []FileDate) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	for i, f := range z.File {
		if i == maxSegments {
			break
		}
		if f.Name != "docProps/core.xml" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil
		}
		b, err := io.ReadAll(io.LimitReader(r, maxCore))
		if closing := r.Close(); err != nil || closing != nil {
			return nil
		}
		for _, m := range coreDate.FindAllSubmatch(b, maxDates) {
			t, err := time.Parse(time.RFC3339, string(m[2]))
			if err != nil {
				continue
			}
			what := "created"
			if string(m[1]) == "modified" {
				what = "changed"
			}
			out = append(out, FileDate{What: what, At: t})
		}
		return out
	}
	return nil
}
