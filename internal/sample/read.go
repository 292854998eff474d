package sample

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The most that is read of a file.
const (
	MaxBytes = 1 << 30
	MaxItems = 10_000_000
)

// ReadItems reads a population from a file: one row a line, in any order. All
// lines are item ids, or all are an id, a TAB and 64 hexadecimal characters. A
// line may end in CR LF, the last one in nothing, and a byte order mark may
// come first: none of these can be part of an id.
func ReadItems(r io.Reader) ([]string, error) {
	var rows []string
	two := false
	err := lines(r, func(n int, line string) error {
		if err := checkRow(line); err != nil {
			return err
		}
		_, second, has := strings.Cut(line, "\t")
		if n == 1 {
			two = has
		}
		switch {
		case has && (len(second) != 64 || !isHex(second)):
			return fmt.Errorf("what follows the TAB is %s; it is 64 lower-case hexadecimal characters, or there is no TAB", quote(second))
		case has && !two:
			return fmt.Errorf("it has a second column and line 1 has none; all lines have one or none has")
		case !has && two:
			return fmt.Errorf("it has no second column and line 1 has one; all lines have one or none has")
		}
		rows = append(rows, line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("there are no items; give one item id a line")
	}
	return rows, nil
}

// ReadStrata reads which stratum each item is of: lines of an item id, a TAB
// and the name of the stratum.
func ReadStrata(r io.Reader) (map[string]string, error) {
	strata := map[string]string{}
	err := lines(r, func(_ int, line string) error {
		if err := checkRow(line); err != nil {
			return err
		}
		item, stratum, ok := strings.Cut(line, "\t")
		if !ok {
			return fmt.Errorf("%s has no stratum; a line is an item id, a TAB and the name of its stratum", quote(line))
		}
		if _, ok := strata[item]; ok {
			return fmt.Errorf("item %s is there twice; each item is of one stratum", quote(item))
		}
		strata[item] = stratum
		return nil
	})
	if err != nil {
		return nil, err
	}
	return strata, nil
}

// lines calls take with each line and its number, from 1. Empty lines are
// allowed only where nothing follows.
func lines(r io.Reader, take func(n int, line string) error) error {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	s := bufio.NewScanner(limited)
	n, empty := 0, 0
	for s.Scan() {
		n++
		line := s.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, mark)
		}
		switch {
		case limited.N == 0:
			return fmt.Errorf("there is more than %d GiB of it, the most that is read", MaxBytes>>30)
		case n > MaxItems:
			return fmt.Errorf("there are more than %d lines, the most that are read", MaxItems)
		case line == "" && empty == 0:
			empty = n
		case line == "":
		case empty > 0:
			return fmt.Errorf("line %d is empty; leave it out", empty)
		default:
			if err := take(n, line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes, the most that a line may have", n+1, MaxRow)
	}
	return s.Err()
}
