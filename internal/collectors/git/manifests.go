package git

import (
	"errors"
	"path"
	"slices"
	"sort"
	"strings"
)

const maxManifests = 5000

// A manifest is what a dependency file states of what it pulls in.
type manifest struct {
	dependencies, unpinned int
	// locksItself says that the file fixes every version and every digest or
	// needs no other file to.
	locksItself bool
}

// An ecosystem is a way to name dependencies.
type ecosystem struct {
	name  string
	read  func([]byte) (manifest, error) // nil if the file is not one we can read
	locks []string                       // beside the manifest, or in a folder above it
}

// ecosystemOf finds the ecosystem of a file by its name.
func ecosystemOf(base string) (ecosystem, bool) {
	switch base {
	case "go.mod":
		return ecosystem{"go", readGoMod, []string{"go.sum"}}, true
	case "package.json":
		return ecosystem{"npm", readPackageJSON, []string{"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"}}, true
	case "pyproject.toml":
		return ecosystem{"python", readPyProject, []string{"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"}}, true
	case "Pipfile":
		return ecosystem{"python", readPipfile, []string{"Pipfile.lock"}}, true
	case "Cargo.toml":
		return ecosystem{"cargo", readCargo, []string{"Cargo.lock"}}, true
	case "Gemfile":
		return ecosystem{"ruby", readGemfile, []string{"Gemfile.lock"}}, true
	case "composer.json":
		return ecosystem{"composer", readComposer, []string{"composer.lock"}}, true
	case "pom.xml":
		return ecosystem{"maven", readPOM, nil}, true
	case "build.gradle", "build.gradle.kts":
		return ecosystem{"gradle", nil, []string{"gradle.lockfile", "buildscript-gradle.lockfile"}}, true
	}
	switch {
	case strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt"):
		return ecosystem{"python", readRequirements, nil}, true
	case strings.HasSuffix(base, ".csproj"), strings.HasSuffix(base, ".fsproj"):
		return ecosystem{"nuget", readProject, []string{"packages.lock.json"}}, true
	}
	return ecosystem{}, false
}

// borrowed reports whether a path lies where copies of other people's projects
// are kept, with manifests that nobody here installs from.
func borrowed(name string) bool {
	for _, dir := range strings.Split(path.Dir(name), "/") {
		switch dir {
		case "node_modules", "vendor", "third_party", "testdata", "fixtures", "site-packages":
			return true
		}
	}
	return false
}

// updaters are files that configure automatic updates of dependencies.
var updaters = map[string]string{
	".github/dependabot.yml": "dependabot", ".github/dependabot.yaml": "dependabot", ".gitlab/dependabot.yml": "dependabot",
	"renovate.json": "renovate", "renovate.json5": "renovate", ".renovaterc": "renovate", ".renovaterc.json": "renovate", ".renovaterc.json5": "renovate",
	".github/renovate.json": "renovate", ".github/renovate.json5": "renovate", ".gitlab/renovate.json": "renovate", ".gitlab/renovate.json5": "renovate",
	".scala-steward.conf": "scala-steward", ".pyup.yml": "pyup", ".depfu.yml": "depfu",
}

// manifests hands over the dependency files.
func (r *run) manifests() error {
	if r.tree == nil || !r.branch.born {
		r.absentFromTree("dependency_updates", "dependency_update_ecosystems")
		r.coverFromTree("dependency_manifest")
		return nil
	}
	found := 0
	for _, f := range r.tree.files {
		eco, ok := ecosystemOf(path.Base(f.path))
		if !ok || f.link || borrowed(f.path) || found >= maxManifests {
			continue
		}
		found++
		if err := r.manifest(f, eco); err != nil {
			return err
		}
	}
	r.coverFromTree("dependency_manifest")
	return r.updates()
}

func (r *run) manifest(f file, eco ecosystem) error {
	rec := newRecord(map[string]any{"path": clip(f.path), "ecosystem": eco.name})
	var m manifest
	data, err := r.bytes(f)
	switch {
	case err != nil:
		if err := r.leaveOut("dependency_manifest", f, err); err != nil {
			return err
		}
		rec.missing(cause(err), "dependencies", "unpinned")
	default:
		r.keep(f, data)
		err = errors.New("the file is a program: what it names is known only when it runs")
		if eco.read != nil {
			m, err = eco.read(data)
		}
		if err != nil {
			rec.missing(clip(err.Error()), "dependencies", "unpinned")
		} else {
			rec.attrs["dependencies"], rec.attrs["unpinned"] = m.dependencies, m.unpinned
		}
	}
	lock, lockErr := r.lockOf(f.path, eco)
	switch {
	case lockErr != nil:
		return lockErr
	case lock != "":
		rec.attrs["has_lockfile"], rec.attrs["lockfile"] = true, clip(lock)
	case eco.name == "maven":
		rec.missing("Maven has no lock file", "has_lockfile", "lockfile")
	case eco.locks == nil && err != nil: // it could only have locked itself
		rec.missing(clip(err.Error()), "has_lockfile", "lockfile")
	case m.locksItself:
		rec.attrs["has_lockfile"], rec.attrs["lockfile"] = true, clip(f.path)
	default:
		rec.attrs["has_lockfile"] = false
		rec.missing("there is none", "lockfile")
	}
	return r.in.Add(rec.resource("dependency_manifest", clipKey(f.path)))
}

// lockOf finds the lock file of a manifest: beside it, or in a folder above,
// where workspaces keep one for all.
func (r *run) lockOf(name string, eco ecosystem) (string, error) {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		for _, lock := range eco.locks {
			if at := path.Join(dir, lock); r.tree.has(at) && at != name {
				return at, nil
			}
		}
		if dir == "." || dir == "/" || eco.name == "go" {
			break
		}
	}
	// A requirements file that fixes every version is the lock of its project.
	at := path.Join(path.Dir(name), "requirements.txt")
	if path.Base(name) != "pyproject.toml" || !r.tree.has(at) {
		return "", nil
	}
	data, err := r.bytes(r.tree.files[r.tree.byPath[at]])
	if errors.Is(err, errUnread) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if m, err := readRequirements(data); err != nil || !m.locksItself || m.dependencies == 0 {
		return "", nil
	}
	return at, nil
}

// updates states which tools keep dependencies up to date.
func (r *run) updates() error {
	tools, kinds := []string{}, []string{}
	for _, f := range r.tree.files {
		tool, ok := updaters[f.path]
		if !ok {
			continue
		}
		if !slices.Contains(tools, tool) {
			tools = append(tools, tool)
		}
		data, err := r.bytes(f)
		if errors.Is(err, errUnread) {
			continue
		}
		if err != nil {
			return err
		}
		r.keep(f, data)
		if tool != "dependabot" {
			continue
		}
		for _, n := range readYAML(data) {
			if n.last(0) == "package-ecosystem" && n.value != "" && !slices.Contains(kinds, n.value) && len(kinds) < 100 {
				kinds = append(kinds, n.value)
			}
		}
	}
	sort.Strings(tools)
	sort.Strings(kinds)
	r.facts["dependency_updates"] = tools
	if len(kinds) > 0 {
		r.facts["dependency_update_ecosystems"] = clipAll(kinds)
	} else {
		r.absent["dependency_update_ecosystems"] = "no file names the ecosystems that are kept up to date"
	}
	return nil
}
