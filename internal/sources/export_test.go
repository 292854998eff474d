package sources

// Tight makes an intake turn to the disk after so many bytes of a kind.
func (in *Intake) Tight(limit int) { in.limit = limit }

// Cut is how a run cuts what an intake has.
func Cut(in *Intake, kind string) (chunks []Chunk, err error) {
	p := in.kinds[kind]
	c, err := p.read()
	if err != nil {
		return nil, err
	}
	var none sorter
	was, err := none.read()
	if err != nil {
		return nil, err
	}
	cut := newCutter(kind, p.count, p.bytes, func(c Chunk) error {
		chunks = append(chunks, c)
		return nil
	})
	g := &gathered{}
	defer g.delta.close()
	if err := compare(was, c, "", g, cut); err != nil {
		return nil, err
	}
	return chunks, cut.flush()
}

// Stretches is how often an intake turned to the disk for a kind.
func Stretches(in *Intake, kind string) int { return len(in.kinds[kind].stretches) }

// Line is how a resource lies in its chunk.
func Line(r Resource) ([]byte, error) { return appendRecord(nil, r) }

// Small makes files be kept in small pieces until the function returned is
// called.
func Small(one, piece int) (restore func()) {
	a, b := inOne, filePiece
	inOne, filePiece = one, piece
	return func() { inOne, filePiece = a, b }
}

// OnceStored calls fn after the next run was stored and before it is recorded.
func OnceStored(fn func()) (restore func()) {
	between = func() {
		between = func() {}
		fn()
	}
	return func() { between = func() {} }
}
