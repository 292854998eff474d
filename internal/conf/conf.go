// Package conf is what an operator may set. It is read once, in main, from
// flags and TICKMARK_ variables, and handed on as values.
package conf

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Config says where an installation keeps its things. The tags are the command
// line's.
type Config struct {
	// Data is a flag of every command, so the command line sets it.
	Data     string `kong:"-"`
	Database string `help:"PostgreSQL address, postgres://USER@HOST/NAME. A file in the data directory if left out." env:"TICKMARK_DATABASE"`
	Keys     string `help:"Directory for the root key and the held log heads, outside the data directory. DATA.keys if left out." env:"TICKMARK_KEYS" type:"path"`
	Held     string `help:"File for the held log heads, best on another volume. KEYS/held if left out." env:"TICKMARK_HELD" type:"path" placeholder:"FILE"`
	Identity string `name:"key-identity" help:"The age identity that opens KEYS/root.key.age." env:"TICKMARK_KEY_IDENTITY" type:"path" placeholder:"FILE"`
	Bucket   string `name:"blobs" help:"Bucket for the bytes of evidence, s3://BUCKET/PREFIX?endpoint=HOST:PORT&region=REGION; its key comes from the environment. A directory in the data directory if left out." env:"TICKMARK_BLOBS" placeholder:"URL"`
	Verbose  bool   `help:"Log more." env:"TICKMARK_VERBOSE"`
	Outside  `embed:""`
	Mail     `embed:""`
	// Imports are a flag of the commands that take files.
	Imports Imports `kong:"-"`
	// Credentials is where systemd puts what a unit may load.
	Credentials string `hidden:"" help:"Where systemd puts the unit's credentials." env:"CREDENTIALS_DIRECTORY" type:"path"`
}

// DefaultData is where everything lies when nobody says otherwise.
const DefaultData = "data"

// ForData is the configuration of a command that has no flags of its own for
// it: what the environment says.
func ForData(data string) Config {
	return Config{Data: data, Database: os.Getenv("TICKMARK_DATABASE"), Keys: os.Getenv("TICKMARK_KEYS"), Held: os.Getenv("TICKMARK_HELD"),
		Identity: os.Getenv("TICKMARK_KEY_IDENTITY"), Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), Bucket: os.Getenv("TICKMARK_BLOBS"), Outside: outsideFromEnv(), Mail: mailFromEnv()}
}

// URL is the database's address.
func (c Config) URL() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "tickmark.db")
}

// Imports says what files may be handed in.
type Imports struct {
	MaxImport int64 `name:"max-import" help:"How many MiB a file that is handed in may have." default:"4096" env:"TICKMARK_MAX_IMPORT" placeholder:"MIB"`
}

// Bytes is how many bytes a file that is handed in may have; 0 where nobody
// said.
func (i Imports) Bytes() int64 { return i.MaxImport << 20 }

// KeyDir is where keys lie. It is never inside the data directory: a copy of
// the one must not carry the other.
func (c Config) KeyDir() (string, error) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return "", fault.Invalid("data", "give a directory").With(err)
	}
	if c.Keys == "" {
		return data + ".keys", nil
	}
	keys, err := filepath.Abs(c.Keys)
	if err != nil {
		return "", fault.Invalid("keys", "give a directory").With(err)
	}
	if within(keys, data) {
		return "", fault.Invalid("keys", "%s lies inside the data directory: a copy of the data would carry its key; give a directory outside", keys)
	}
	return keys, nil
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

// RootKey is the path of the root key, Held that of the held log heads.
func (c Config) RootKey() (root, held string, err error) {
	dir, err := c.KeyDir()
	if err != nil {
		return "", "", err
	}
	root, held = filepath.Join(dir, "root.key"), filepath.Join(dir, "held")
	if c.Held == "" {
		return root, held, nil
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return "", "", fault.Invalid("data", "give a directory").With(err)
	}
	if held, err = filepath.Abs(c.Held); err != nil {
		return "", "", fault.Invalid("held", "give a file").With(err)
	}
	if within(held, data) {
		return "", "", fault.Invalid("held", "%s lies inside the data directory: an older copy of the data would bring the older heads with it; give a file outside", held)
	}
	return root, held, nil
}

// Credential is the path of the root key that systemd gave; empty if it gave
// nothing.
func (c Config) Credential() string {
	if c.Credentials == "" {
		return ""
	}
	return filepath.Join(c.Credentials, "tickmark-root")
}

// Blobs is the directory of the blobs, unless they lie in a bucket.
func (c Config) Blobs() string { return filepath.Join(c.Data, "blobs") }

// Socket is where a running server answers the command line.
func (c Config) Socket() string { return filepath.Join(c.Data, "tickmark.sock") }

// Logger writes to standard error, as text.
func (c Config) Logger() *slog.Logger {
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
