package bundle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
)

const manifestTitle = "tickmark/bundle/v1"

func (m manifest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n%d\n", manifestTitle, m.origin, canon.FormatTime(m.created), m.scope, len(m.files))
	for _, f := range m.files {
		fmt.Fprintf(&b, "%s %d %s\n", f.sum, f.size, f.name)
	}
	return b.String()
}

func parseManifest(text string) (m manifest, err error) {
	title, rest, _ := strings.Cut(text, "\n")
	if title != manifestTitle {
		return m, fmt.Errorf("the first line is not %s", manifestTitle)
	}
	m.origin, rest, _ = strings.Cut(rest, "\n")
	if _, _, err := canon.ParseOrigin(m.origin); err != nil {
		return m, err
	}
	created, rest, _ := strings.Cut(rest, "\n")
	if m.created, err = canon.ParseTime(created); err != nil {
		return m, err
	}
	scope, rest, _ := strings.Cut(rest, "\n")
	if m.scope = Scope(scope); m.scope != All && m.scope != Selected {
		return m, errors.New("the scope, line 4, is neither all nor selected")
	}
	count, rest, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n >= MaxFiles || strconv.Itoa(n) != count {
		return m, errors.New("the number of files, line 5, is not a number")
	}
	for line := range strings.Lines(rest) {
		f, err := parseListed(line)
		if err != nil {
			return m, fmt.Errorf("line %d: %w", len(m.files)+6, err)
		}
		if i := len(m.files); i > 0 && m.files[i-1].name >= f.name {
			return m, fmt.Errorf("line %d: names ascend and occur once", i+6)
		}
		m.files = append(m.files, f)
	}
	if len(m.files) != n {
		return m, fmt.Errorf("lists %d files and says %d", len(m.files), n)
	}
	return m, nil
}

func parseListed(line string) (f listed, err error) {
	bad := errors.New("want the SHA-256, the size and the name of a file, one space between")
	line, ok := strings.CutSuffix(line, "\n")
	parts := strings.Split(line, " ")
	if !ok || len(parts) != 3 {
		return f, bad
	}
	f.sum, f.name = parts[0], parts[2]
	if _, err := canon.ParseDigest(f.sum); err != nil {
		return f, bad
	}
	f.size, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil || f.size < 0 || strconv.FormatInt(f.size, 10) != parts[1] {
		return f, bad
	}
	if !known(f.name) || f.name == nameManifest {
		return f, fmt.Errorf("%s is not the name of a file that a manifest lists", display(f.name))
	}
	return f, nil
}
