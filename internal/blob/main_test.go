package blob

import (
	"fmt"
	"os"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

func TestMain(m *testing.M) {
	code := pgtest.Main(m)
	if err := s3Shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "S3 server:", err)
		code = 1
	}
	os.Exit(code)
}
