package canon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The labels under which an entry commits to text, and the label of one item
// of a bulk entry.
const (
	LabelActor   = "actor"   // who did it: JSON with id, name, via
	LabelBody    = "body"    // what was done: JSON with op and, for a record, id
	LabelContent = "content" // digest and size of a blob: see Content
	LabelItem    = "item"
)

// labels are those a leaf may carry, ascending.
var labels = []string{LabelActor, LabelBody, LabelContent}

// Commit binds a payload without showing it. Who holds r and the payload can
// prove it later; who holds only the result learns nothing, since r is 32 fresh
// random bytes each time. Destroying r and the payload is erasure.
func Commit(r [32]byte, label, payload string) [32]byte {
	mac := hmac.New(sha256.New, r[:])
	io.WriteString(mac, "tickmark/commit/v1\n"+label+"\n"+payload)
	return [32]byte(mac.Sum(nil))
}

// ItemRecord is the payload of the item label for a row of a list: the item and
// its record, which is canonical JSON already.
func ItemRecord(item string, record []byte) string {
	b := make([]byte, 0, len(item)+len(record)+24)
	b = AppendString(append(b, `{"item":`...), item)
	b = append(append(b, `,"record":`...), record...)
	return string(append(b, '}'))
}

// Content is the payload of the content label: the SHA-256 of a blob's
// plaintext, in hexadecimal, and its size.
func Content(sha256 string, size int64) string {
	return "sha256:" + sha256 + "\n" + strconv.FormatInt(size, 10)
}

// ParseContent reads what Content writes.
func ParseContent(s string) (sha256 string, size int64, err error) {
	rest, ok := strings.CutPrefix(s, "sha256:")
	sum, dec, ok2 := strings.Cut(rest, "\n")
	if _, err := ParseDigest(sum); err != nil || !ok || !ok2 {
		return "", 0, fmt.Errorf("content: want sha256: and 64 lower-case hexadecimal characters, a line end, and the size")
	}
	size, err = parseDecimal(dec)
	if err != nil {
		return "", 0, fmt.Errorf("content: size: %w", err)
	}
	return sum, size, nil
}

func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > MaxInt || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%s is not a number between 0 and %d in plain decimal", quote(s), int64(MaxInt))
	}
	return n, nil
}

// MediaTypeChunks marks a content blob that is a list of further blobs.
const MediaTypeChunks = "application/vnd.tickmark.chunks+json"

// MaxChunks is the largest list of chunks, in bytes.
const MaxChunks = 16 << 20

// A Chunk is one blob of a content that is kept in pieces.
type Chunk struct {
	Count  int64 // things inside, say resources; what is counted is the writer's affair
	SHA256 [32]byte
	Size   int64
}

// Chunks lists the pieces of a content, so that pieces equal to yesterday's are
// kept once.
type Chunks []Chunk

// Encode writes the list as the content blob.
func (c Chunks) Encode() ([]byte, error) {
	list := make([]any, 0, len(c))
	for i, k := range c {
		if k.Count < 0 || k.Count > MaxInt || k.Size < 0 || k.Size > MaxInt {
			return nil, fmt.Errorf("chunk %d: count and size are between 0 and %d", i, int64(MaxInt))
		}
		list = append(list, map[string]any{
			"count": k.Count, "sha256": hex.EncodeToString(k.SHA256[:]), "size": k.Size,
		})
	}
	b := appendJSON(nil, map[string]any{"chunks": list, "v": int64(1)})
	if len(b) > MaxChunks {
		return nil, fmt.Errorf("chunks: a list of %d is %d bytes; at most %d are allowed", len(c), len(b), MaxChunks)
	}
	return b, nil
}

// ParseChunks reads what Encode writes and nothing else.
func ParseChunks(b []byte) (Chunks, error) {
	if len(b) > MaxChunks {
		return nil, fmt.Errorf("chunks: %d bytes; at most %d are allowed", len(b), MaxChunks)
	}
	v, err := ParseJSON(b)
	if err != nil {
		return nil, fmt.Errorf("chunks: %w", err)
	}
	r := reader{}
	f := r.object(v, "chunks")
	if n := f.num("v"); n != 1 {
		r.fail("v is not 1; this program reads version 1")
	}
	list, _ := take[[]any](f, "chunks", true)
	f.end()
	var out Chunks
	for i, v := range list {
		k := r.object(v, "chunk "+strconv.Itoa(i))
		out = append(out, Chunk{Count: k.num("count"), SHA256: k.digest("sha256"), Size: k.num("size")})
		k.end()
		if out[i].Count < 0 || out[i].Size < 0 {
			r.fail("chunk %d: a negative number", i)
		}
		if r.err != nil {
			break
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("chunks: %w", r.err)
	}
	return out, nil
}
