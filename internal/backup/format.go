// Package backup copies an installation into two files and puts it back: into
// either database, checked by its own logs. The first file may be kept for
// years; the second holds what erasure must be able to destroy, and is kept 30
// days at most.
package backup

import (
	"regexp"
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/id"
)

// format is the first thing either file says.
const format = "tickmark/backup/v1"

// The two files of a backup.
const (
	mainPart    = "main"
	secretsPart = "secrets"
)

// Members of a file, in this order. It is a tar archive of regular files.
const (
	headerName  = "backup.json"
	summaryName = "summary.json"
	sumsName    = "SHA256SUMS" // as sha256sum -c reads it: of every member before
)

var (
	tableName = regexp.MustCompile(`^tables/([a-z_]{1,60})/[0-9]{6}\.jsonl$`)
	blobName  = regexp.MustCompile(`^blobs/(org_[0-9a-z]{1,60}|eng_[0-9a-z]{1,60})/([0-9a-f]{64}-[0-9a-f]{16})$`)
)

// Limits, so that a file costs bounded memory whoever made it.
const (
	chunkSize = 1 << 20   // a member of a table ends once it is this long
	maxChunk  = 128 << 20 // a single row may be long
	maxText   = 64 << 20  // backup.json, summary.json
	maxSums   = 4 << 30
	maxBlob   = blob.MaxSize + 1<<20
	maxAbsent = 1000 // blobs that are named; the rest is counted
)

// Header opens each of the two files.
type Header struct {
	Format string    `json:"format"`
	Part   string    `json:"part"`
	ID     id.Backup `json:"id"`
	Taken  time.Time `json:"taken"`
	Schema int64     `json:"schema"`
}

// Summary closes each of them: what was written, and of which logs.
type Summary struct {
	Tables map[string]int64 `json:"tables"`
	Logs   []Log            `json:"logs"`
	Orgs   []Org            `json:"orgs"`
	// Absent blobs have a row and no sound object: they were lost before the
	// backup, or erased while it was made.
	Absent      []Absent `json:"absent,omitempty"`
	AbsentCount int64    `json:"absent_count,omitempty"`
}

// A Log is one as of the backup.
type Log struct {
	Org        id.Org    `json:"org"`
	ID         id.Log    `json:"id"`
	Origin     string    `json:"origin"`
	Epoch      int64     `json:"epoch"`
	Generation int64     `json:"generation"`
	Key        []byte    `json:"key"`
	Size       int64     `json:"size"`
	Recorded   time.Time `json:"recorded"` // its newest entry
	Signed     int64     `json:"signed"`   // the size of its newest checkpoint
	Checkpoint string    `json:"checkpoint,omitempty"`
}

// Org counts what an organization has in the backup.
type Org struct {
	Org   id.Org `json:"org"`
	Blobs int64  `json:"blobs"`
	Bytes int64  `json:"bytes"` // of their ciphertext
}

// Absent is a blob that is not in the backup.
type Absent struct {
	Org     id.Org `json:"org"`
	Address string `json:"address"`
	Why     string `json:"why"`
}

// Entries counts those of all logs.
func (s *Summary) Entries() (n int64) {
	for _, l := range s.Logs {
		n += l.Size
	}
	return n
}

// Blobs counts those of all organizations, and their bytes.
func (s *Summary) Blobs() (n, bytes int64) {
	for _, o := range s.Orgs {
		n, bytes = n+o.Blobs, bytes+o.Bytes
	}
	return n, bytes
}

// entries counts those of one organization, which are numbered through all its
// logs.
func (s *Summary) entries(org string) (n int64) {
	for _, l := range s.Logs {
		if string(l.Org) == org {
			n += l.Size
		}
	}
	return n
}

// log finds a log.
func (s *Summary) log(org, log string) *Log {
	i := slices.IndexFunc(s.Logs, func(l Log) bool { return string(l.Org) == org && string(l.ID) == log })
	if i < 0 {
		return nil
	}
	return &s.Logs[i]
}

// apart says which tables go into the second file: what opens the log and the
// blobs, what is said of the evidence, who the people are, and what was read
// about them. Everything of later
// is also taken from the second file of a later backup, in which what was
// erased since is gone; the rest would not fit the first file then.
var apart = map[string]struct{ later bool }{
	"ledger_opening":   {true},
	"blob_org_key":     {true},
	keysTable:          {true},
	"evidence":         {true},
	"evidence_control": {true}, // which refers to it
	"evidence_remark":  {true},
	"evidence_review":  {true},
	"users":            {true},
	"members":          {true},
	"tokens":           {true},
	"setup":            {true},

	"blob_installation": {true},
	"users_totp":        {true},
	"users_passkey":     {true},
	"users_code":        {true},
	"users_recovery":    {true},
	"users_spent":       {true},

	"invitation":      {false},
	"op_key":          {false},
	"source_resource": {false},
}

// keysTable holds the keys of blobs, which are a column of the table blob.
const (
	blobTable = "blob"
	keyColumn = "file_key"
	keysTable = "blob_key"
)

var keysColumns = []string{"org_id", "address", "sealed_sha256", keyColumn}

// left is not copied: who is signed in, and the mark of a restore.
var left = []string{"sessions", "backup_unfinished"}
