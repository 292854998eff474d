package ocsf_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/importers/ocsf"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/sources/importertest"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDetectionFindings(t *testing.T) {
	data := sample(t, "prowler.ocsf.json")
	m := ocsf.New()
	if !m.Guess("x.json", data) || m.Guess("x.json", []byte(`{"runs":[]}`)) {
		t.Error("the guess is wrong")
	}
	if got := m.(sources.Describer).Describe("x", data); got != "OCSF 1.4 detection findings by Prowler 5.8.0" {
		t.Error(got)
	}
	in, err := importertest.Read(t, m, data, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"excepted medium ec2_ebs_default_encryption <nil> <nil> <nil>",
		"fail critical iam_root_mfa_enabled arn:aws:iam::123456789012:root <nil> [cc_6_1 cc_6_6]",
		"pass high s3_bucket_public_access arn:aws:s3:::logs <nil> <nil>",
		"unknown <nil> iam_support_role_created <nil> <nil> <nil>",
	}
	if d := cmp.Diff(want, importertest.Findings(in, "resource_uid", "suppressed_reason", "requirements")); d != "" {
		t.Error(d)
	}
	scan := in.Resources(sources.KindScan)[0]
	if scan.Attrs["findings"] != int64(4) || scan.Attrs["failing"] != int64(1) || scan.Attrs["critical"] != int64(1) || scan.Attrs["target"] != "aws 123456789012" {
		t.Error(scan.Attrs)
	}
	if s := in.Scopes(); s["tool"] != "Prowler" || s["target"] != "aws 123456789012" || s["format_version"] != "1.4" || s["class"] != "2004" {
		t.Error(s)
	}
}

func TestComplianceFindings(t *testing.T) {
	in, err := importertest.Read(t, ocsf.New(), sample(t, "hub.jsonl"), false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"fail medium EC2.7 111122223333", "pass <nil> <nil> 444455556666", "pass <nil> IAM.4 444455556666", "unknown <nil> IAM.6 444455556666"}
	if d := cmp.Diff(want, importertest.Findings(in, "account")); d != "" {
		t.Error(d)
	}
	if v := in.Scopes()["format_version"]; v != "1.0, 1.1, 1.5" {
		t.Error("versions", v)
	}
}

func TestRefusals(t *testing.T) {
	good := string(sample(t, "prowler.ocsf.json"))
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"a later version":    {"\"version\": \"1.4.0\"},\n  \"severity_id\": 4", "\"version\": \"1.9.0-dev\"},\n  \"severity_id\": 4", []string{"$.[1].metadata.version", "1.9.0-dev", "1.0 to 1.5"}},
		"another class":      {`"resources": [], "class_uid": 2004`, `"resources": [], "class_uid": 3002`, []string{"$.[2].class_uid", "3002"}},
		"no id":              {`"uid": "prowler-aws-s3_bucket_public_access-123456789012-eu-west-1-logs", `, ``, []string{"$.[1].finding_info.uid", "needed"}},
		"an id of a number":  {`"uid": "prowler-aws-s3_bucket_public_access-123456789012-eu-west-1-logs"`, `"uid": 7`, []string{"$.[1].finding_info.uid", "a string is accepted, not the number 7"}},
		"a severity of 7":    {`"severity_id": 4`, `"severity_id": 7`, []string{"$.[1].severity_id", "0 to 6 or 99"}},
		"a severity in text": {`"severity_id": 4`, `"severity_id": "4"`, []string{"$.[1].severity_id", "a whole number is accepted, not a string"}},
		"the same id twice":  {"prowler-aws-s3_bucket_public_access-123456789012-eu-west-1-logs", "prowler-aws-iam_root_mfa_enabled-123456789012-us-east-1-root", []string{"$.[1]", "added twice", "prowler-aws-iam_root"}},
		"a list for cloud":   {`"cloud": {"account": {"uid": "123456789012"}, "provider": "aws", "region": "eu-west-1"}, "time": 1780000000`, `"cloud": []`, []string{"$.[1].cloud", "an object is accepted, not a list"}},
		"a time of nonsense": {`"first_seen_time": 1770000000000`, `"first_seen_time": -5`, []string{"$.[3].finding_info.first_seen_time"}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatal("the sample has changed")
			}
			importertest.Refused(t, ocsf.New(), []byte(bad), c.want...)
		})
	}
}

func TestBadRowsAreLeftOutAndNamed(t *testing.T) {
	good := string(sample(t, "prowler.ocsf.json"))
	bad := strings.Replace(good, `"severity_id": 4`, `"severity_id": "high"`, 1)
	in, err := importertest.Read(t, ocsf.New(), []byte(bad), true)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(in.Resources(sources.KindFinding)); n != 3 || in.LeftOut() != 1 {
		t.Errorf("%d findings, %d left out", n, in.LeftOut())
	}
	m := in.Missings()
	if len(m) != 1 || m[0].Kind != "finding" || !strings.Contains(m[0].Reason, "$.[1].severity_id") {
		t.Error(m)
	}
	lines := string(sample(t, "hub.jsonl"))
	lines = strings.Replace(lines, `{"class_uid":2003,"metadata":{"version":"1.1.0"`, `{"class_uid":2003,"metadata":{"version":1.1.0"`, 1)
	if in, err = importertest.Read(t, ocsf.New(), []byte(lines), true); err != nil {
		t.Fatal(err)
	}
	if n := len(in.Resources(sources.KindFinding)); n != 3 || !strings.Contains(in.Missings()[0].Reason, "line 2") {
		t.Error(n, in.Missings())
	}
}

func TestManyBadRowsAreCounted(t *testing.T) {
	rows := "[" + strings.TrimSuffix(strings.Repeat(`{"class_uid":1},`, 250), ",") + "]"
	in, err := importertest.Read(t, ocsf.New(), []byte(rows), true)
	if err != nil {
		t.Fatal(err)
	}
	m := in.Missings()
	if len(m) != 101 || in.LeftOut() != 250 || !strings.Contains(m[100].Reason, "150 further") {
		t.Error(len(m), in.LeftOut())
	}
}

func TestHostileFiles(t *testing.T) {
	importertest.Hostile(t, ocsf.New(), sample(t, "prowler.ocsf.json"))
	importertest.Hostile(t, ocsf.New(), sample(t, "hub.jsonl"))
}

func TestAnEmptyListIsAScanOfNothing(t *testing.T) {
	in, err := importertest.Read(t, ocsf.New(), []byte("[]"), false)
	if err != nil || !bytes.Equal([]byte(strings.Join(in.Kinds(), " ")), []byte("finding scan")) {
		t.Fatal(in.Kinds(), err)
	}
}

func TestHugeFiles(t *testing.T) { importertest.Huge(t, ocsf.New()) }

func FuzzImport(f *testing.F) {
	importertest.Fuzz(f, ocsf.New(), sample(f, "prowler.ocsf.json"), sample(f, "hub.jsonl"))
}
