package conf

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/fault"
)

// Outside names who outside the installation vouches for its logs. Nothing
// calls out unless somebody is named here.
type Outside struct {
	TSA      []string `name:"tsa" help:"Authority that time-stamps the logs every hour they grow (RFC 3161); up to four, comma separated or repeated." env:"TICKMARK_TSA" placeholder:"URL"`
	TSARoots string   `name:"tsa-roots" help:"Certificates, in PEM, that the authorities' must lead to." env:"TICKMARK_TSA_ROOTS" type:"path" placeholder:"FILE"`
	// A member of an organization names where its channels are. Without this none
	// of them leads into the network that this program stands in.
	AllowPrivateWebhooks bool   `name:"allow-private-webhooks" help:"Let channels be on addresses that are not of the public internet, and on plain http." env:"TICKMARK_ALLOW_PRIVATE_WEBHOOKS"`
	Policy               string `name:"witness-policy" help:"C2SP trust policy; its witnesses that have a URL are asked to cosign the logs." env:"TICKMARK_WITNESS_POLICY" type:"path" placeholder:"FILE"`
}

// outsideFromEnv is Outside for a command that has no flags of its own for it.
func outsideFromEnv() Outside {
	o := Outside{TSARoots: os.Getenv("TICKMARK_TSA_ROOTS"), Policy: os.Getenv("TICKMARK_WITNESS_POLICY")}
	o.AllowPrivateWebhooks, _ = strconv.ParseBool(os.Getenv("TICKMARK_ALLOW_PRIVATE_WEBHOOKS"))
	for u := range strings.SplitSeq(os.Getenv("TICKMARK_TSA"), ",") {
		if u = strings.TrimSpace(u); u != "" {
			o.TSA = append(o.TSA, u)
		}
	}
	return o
}

// maxText bounds the files that an operator names.
const maxText = 1 << 20

// Texts reads the two files; what is not named is empty.
func (o Outside) Texts() (roots, policy []byte, err error) {
	if (len(o.TSA) > 0) != (o.TSARoots != "") {
		return nil, nil, fault.Invalid("tsa-roots", "give both --tsa and --tsa-roots, or neither: a time stamp counts only if its certificate leads to one you chose")
	}
	if roots, err = text("tsa-roots", o.TSARoots); err == nil {
		policy, err = text("witness-policy", o.Policy)
	}
	return roots, policy, err
}

func text(flag, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Invalid(flag, "give a file that can be read: %s", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil || len(b) > maxText {
		return nil, fault.Invalid(flag, "%s cannot be read or has more than %d bytes", path, maxText).With(err)
	}
	return b, nil
}
