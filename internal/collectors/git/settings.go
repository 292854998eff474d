package git

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

const (
	maxSettings = 8 << 20
	maxSigners  = 1000
)

// settings are what an operator says about a repository.
type settings struct {
	// Path is the folder that holds .git, or a bare repository.
	Path string `json:"path"`
	// Branch is the one whose commits are read; empty means HEAD.
	Branch string `json:"branch"`
	// Signers are the people whose signatures count: a list, or lines of an
	// allowed signers file.
	Signers signerList `json:"signers"`
	// AllowedSignersFile is a file on this machine in the format of
	// gpg.ssh.allowedSignersFile. It is not looked for in the repository, where
	// any committer could add a key.
	AllowedSignersFile string `json:"allowed_signers_file"`
}

type signerList []signerSetting

// UnmarshalJSON also takes lines such as: ann@example.com ssh-ed25519 AAAA….
func (l *signerList) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return json.Unmarshal(raw, (*[]signerSetting)(l))
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 || !strings.Contains(words[0], "@") {
			return fault.Invalid("signers", "line %d: give an address, the type of the key and the key, such as: ann@example.com ssh-ed25519 AAAA…", i+1)
		}
		for _, email := range strings.Split(words[0], ",") {
			name, _, _ := strings.Cut(email, "@")
			*l = append(*l, signerSetting{Name: name, Email: email, SSH: words[1] + " " + words[2]})
		}
	}
	return nil
}

type signerSetting struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	OpenPGP string `json:"openpgp"`
	SSH     string `json:"ssh"`
}

var (
	settingNames = []string{"path", "branch", "signers", "allowed_signers_file"}
	signerNames  = []string{"name", "email", "openpgp", "ssh"}
)

func parseSettings(raw json.RawMessage) (settings, error) {
	var set settings
	if len(raw) > maxSettings {
		return set, fault.Invalid("", "the settings have %d bytes: at most %d are accepted", len(raw), maxSettings)
	}
	if len(raw) > 0 {
		top, err := members("", raw, settingNames)
		if err != nil {
			return set, err
		}
		if list, given := top["signers"]; given && !strings.HasPrefix(strings.TrimSpace(string(list)), `"`) {
			var each []json.RawMessage
			if err := json.Unmarshal(list, &each); err != nil {
				return set, fault.Invalid("signers", `a list is accepted: [{"name", "email", "openpgp" or "ssh"}]`)
			}
			for i, one := range each {
				if _, err := members(fmt.Sprintf("signers[%d]", i), one, signerNames); err != nil {
					return set, err
				}
			}
		}
		if err := json.Unmarshal(raw, &set); fault.As(err) != nil {
			return set, err
		} else if err != nil {
			return set, fault.Invalid("", "path, branch and allowed_signers_file are texts, as are the fields of a signer: %v", err)
		}
	}
	switch {
	case strings.TrimSpace(set.Path) == "":
		return set, fault.Invalid("path", "give the folder that holds .git, or a bare repository")
	case strings.ContainsRune(set.Path, 0):
		return set, fault.Invalid("path", "a path has no NUL character")
	case len(set.Signers) > maxSigners:
		return set, fault.Invalid("signers", "%d signers are given: at most %d are accepted", len(set.Signers), maxSigners)
	}
	return set, nil
}

// members reads an object and refuses names nobody reads: a misspelt setting
// would otherwise have no effect and no message.
func members(field string, raw json.RawMessage, names []string) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fault.Invalid(field, "an object with %s is accepted", strings.Join(names, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(names, name) {
			return nil, fault.Invalid(field, "there is no setting %q: settings are %s", name, strings.Join(names, ", "))
		}
	}
	return all, nil
}
