package sensitive

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
	"strings"
)

// Bounds of what is unpacked.
const (
	maxParts  = 2000
	maxPlain  = 32 << 20 // of all parts together
	maxStream = 4 << 20
)

// unpack returns the text in a PDF or an office file. What cannot be read
// counts as nothing: a scan is help and no proof.
func unpack(data []byte) (text []byte, part string, ok bool) {
	switch {
	case bytes.HasPrefix(data, []byte("%PDF-")):
		return pdf(data), "pdf", true
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return office(data), "office", true
	}
	return nil, "", false
}

var (
	tag      = regexp.MustCompile(`<[^>]*>`)
	breaking = regexp.MustCompile(`</(?:w:p|a:p|row|si|c)>`)
)

// office reads the texts of an office file: paragraphs, cells and slides.
func office(data []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	for i, f := range z.File {
		if i == maxParts || out.Len() >= maxPlain {
			break
		}
		if !strings.HasSuffix(f.Name, ".xml") && !strings.HasSuffix(f.Name, ".csv") && !strings.HasSuffix(f.Name, ".txt") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(r, int64(min(maxStream, maxPlain-out.Len()))))
		if closing := r.Close(); err != nil || closing != nil {
			continue
		}
		if strings.HasSuffix(f.Name, ".xml") {
			b = tag.ReplaceAll(breaking.ReplaceAll(b, []byte("\n")), nil)
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

var (
	begun  = []byte("stream")
	ended  = []byte("endstream")
	shown  = regexp.MustCompile(`\(((?:[^()\\]|\\.)*)\)`)
	escape = regexp.MustCompile(`\\([()\\])`)
)

// pdf reads the strings that the pages show, where they are deflated or plain
// and in a plain encoding. Fonts with encodings of their own stay unread.
func pdf(data []byte) []byte {
	var out bytes.Buffer
	show := func(b []byte) {
		for _, m := range shown.FindAllSubmatch(b, 100000) {
			if out.Len() >= maxPlain {
				return
			}
			out.Write(escape.ReplaceAll(m[1], []byte("$1")))
		}
		out.WriteByte('\n')
	}
	for range maxParts {
		from := bytes.Index(data, begun)
		if from < 0 || out.Len() >= maxPlain {
			break
		}
		body := bytes.TrimLeft(data[from+len(begun):], "\r\n")
		to := bytes.Index(body, ended)
		if to < 0 {
			break
		}
		if z, err := zlib.NewReader(bytes.NewReader(body[:to])); err == nil {
			b, _ := io.ReadAll(io.LimitReader(z, maxStream)) // what came before a fault is text too
			show(b)
		} else {
			show(body[:min(to, maxStream)])
		}
		data = body[to+len(ended):]
	}
	return out.Bytes()
}
