package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// withCredentials adds to an environment what systemd hands over as
// credentials: a file mivaa_token in its directory is MIVAA_TOKEN_FILE, unless
// the environment names one, or the secret itself. A folder that cannot be read
// adds nothing: the setting that is then missing is what is reported.
func withCredentials(env []string) []string {
	const prefix = "mivaa_" // as LoadCredential=mivaa:FOLDER names the files of a folder
	set := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		set[name] = value
	}
	dir := set["CREDENTIALS_DIRECTORY"]
	if dir == "" {
		return env
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return env
	}
	for _, f := range files {
		name, ours := strings.CutPrefix(f.Name(), prefix)
		secret := envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value, given := set[secret]
		if given && neverEmpty(secret) {
			continue
		}
		if !ours || value != "" || set[secret+"_FILE"] != "" {
			continue
		}
		env = append(env, secret+"_FILE="+filepath.Join(dir, f.Name()))
	}
	return env
}

// neverEmpty reports whether an empty variable is an error rather than none: its
// setting says so, and a credential would hide it.
func neverEmpty(name string) bool {
	return name == envWebhookSecret || slices.Contains(tokens(), name)
}
