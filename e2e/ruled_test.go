package e2e_test

import "strings"

// trivy is what `trivy image --format json` writes, cut down to what it always
// has: a package of the system, and one of a program in the image.
const trivy = `{"SchemaVersion":2,"CreatedAt":"2026-11-20T06:12:44.018402731Z","ArtifactName":"registry.example/shop/IMAGE:2026.11.3","ArtifactType":"container_image",
"Metadata":{"OS":{"Family":"debian","Name":"12.8"},"ImageID":"sha256:5b1c0f6c3f0a","RepoTags":["registry.example/shop/IMAGE:2026.11.3"],"ImageConfig":{"architecture":"amd64","os":"linux"}},
"Results":[{"Target":"registry.example/shop/IMAGE:2026.11.3 (debian 12.8)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
{"VulnerabilityID":"CVE-2023-45853","PkgID":"zlib1g@1:1.2.13.dfsg-1","PkgName":"zlib1g","PkgIdentifier":{"PURL":"pkg:deb/debian/zlib1g@1.2.13.dfsg-1?arch=amd64"},"InstalledVersion":"1:1.2.13.dfsg-1","Status":"will_not_fix","Layer":{"DiffID":"sha256:6f3d0c7d0f4a"},"SeveritySource":"nvd","PrimaryURL":"https://avd.aquasec.com/nvd/cve-2023-45853","Title":"zlib: integer overflow and resultant heap-based buffer overflow","Severity":"CRITICAL","CweIDs":["CWE-190"],"CVSS":{"nvd":{"V3Score":9.8}}}]},
{"Target":"app/api","Class":"lang-pkgs","Type":"gobinary","Vulnerabilities":[
{"VulnerabilityID":"CVE-2024-45337","PkgName":"golang.org/x/crypto","PkgIdentifier":{"PURL":"pkg:golang/golang.org/x/crypto@v0.28.0"},"InstalledVersion":"v0.28.0","FixedVersion":"0.31.0","Status":"fixed","SeveritySource":"ghsa","PrimaryURL":"https://avd.aquasec.com/nvd/cve-2024-45337","Title":"golang.org/x/crypto/ssh: Misuse of ServerConfig.PublicKeyCallback","Severity":"CRITICAL"}]}]}
`

// ruled: from the file of a scanner to a control. A finding is opened, a check of
// its rule is written and speaks for a control, which is adopted and fails. Then
// the source is told how often such a file comes.
func ruled(j *trip) {
	control, rule, other := "VUL-04", "CVE-2024-45337", "CVE-2023-45853"
	if j.phone {
		control, rule = "VUL-02", "CVE-2024-45341" // the image at the desk has the first
	}
	id := "own.trivy." + strings.ToLower(rule)
	const send = "main form.tm-form button[type=submit]:not([name])"
	j.at("/sources/ingest")
	j.Upload("[name=file]", j.file("trivy.json", strings.NewReplacer("IMAGE", j.name, "CVE-2024-45337", rule).Replace(trivy)))
	j.follow(".tm-dropfile button")
	j.WaitText("main h1", "It looks like a Trivy report")
	j.follow(send)
	j.WaitText("main h1", "three things were taken")
	j.follow("main a[href*='/finding']")
	j.holds("main tbody", rule)
	j.holds("main tbody", other)
	j.fair("what a scanner found")
	j.Eval(`[...document.querySelectorAll("main tbody a")].find(a => a.textContent.includes(`+quoted(rule)+`)).id = "wanted"`, nil)
	j.follow("#wanted")
	j.WaitText("main h1", rule)
	j.fair("one finding")

	j.follow("main a[href^='/checks/new?']")
	j.fair("a check of a rule")
	j.fill("#check [name=controls]", control)
	j.press("#check button[value=try]")
	j.Wait("#would-fail")
	if n := j.Count("#would-fail tbody tr"); n != 1 {
		j.t.Errorf("%d would fail, and one finding has the rule", n)
	}
	j.follow("#check button[value=save]")
	j.WaitURL("/checks/" + id)
	j.until("!document.querySelector('main h1').innerText.includes('not been judged')")
	j.holds("main", rule)
	j.follow("main a[href$='/" + control + "']")
	j.fair("a control that nobody has adopted")
	j.follow("main form[action='/controls/adopt'] button[type=submit]")
	j.at("/controls")
	j.Eval(`[...document.querySelectorAll("main tbody a")].find(a => a.textContent.includes(`+quoted(control)+`)).id = "adopted"`, nil)
	j.follow("#adopted")
	j.holds("main", id)
	j.holds("main", "Fail")
	j.fair("a control that a finding fails")

	j.at("/sources")
	j.Eval(`[...document.querySelectorAll("main tbody a")].find(a => a.textContent.includes(`+quoted("shop/"+j.name)+`)).id = "fed"`, nil)
	j.follow("#fed")
	j.follow("main a[href$='/edit']")
	j.fill("[name=expected]", "month")
	j.fair("how often a file is expected")
	j.follow(send)
	j.WaitText("main", "A file is expected each month")
	j.holds("main", "Expected by 1 ")
	j.fair("a source with a rhythm")
}
