package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/mivaa/mivaa/internal/api"
)

//go:embed assets
var assetFiles embed.FS

// assets are our style sheets, scripts and pictures. Each has an address with
// the hash of its bytes in it, so that browsers keep it for good and never show
// an old one.
type assets struct {
	byName map[string]string // name -> address
	byPath map[string]asset
}

type asset struct {
	data      []byte
	mediaType string
}

// mediaTypes are ours and not the system's, which knows others on each machine.
var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
}

func loadAssets() (*assets, error) {
	a := &assets{byName: map[string]string{}, byPath: map[string]asset{}}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		ext := path.Ext(e.Name())
		media, ok := mediaTypes[ext]
		if !ok {
			return nil, fmt.Errorf("asset %s has no media type", e.Name())
		}
		sum := sha256.Sum256(data)
		address := api.AssetsPath + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byName[e.Name()] = address
		a.byPath[address] = asset{data, media}
	}
	return a, nil
}

// address returns where an asset is, by its file's name.
func (a *assets) address(name string) (string, error) {
	if address, ok := a.byName[name]; ok {
		return address, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

// ServeHTTP answers with an asset. An address of an older version is answered
// with 404: its page is old too, and asks again.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(found.data) // a client that has gone
}
