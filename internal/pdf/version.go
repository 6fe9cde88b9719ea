package pdf

import "runtime/debug"

// Engine is the name of what reads the pages.
const Engine = "pdfium"

const engineModule = "github.com/klippa-app/go-pdfium"

// EngineVersion is the version of the module that PDFium comes with, or ""
// where the program was built without saying.
func EngineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == engineModule {
			return m.Version
		}
	}
	return ""
}
