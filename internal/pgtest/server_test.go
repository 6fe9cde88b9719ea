package pgtest

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestSchema(t *testing.T) {
	t.Parallel()
	url, schema := Schema(t)
	Exec(t, With(url, "search_path", schema), "CREATE TABLE a (n int)", "INSERT INTO a VALUES (1)")
	Exec(t, url, "SELECT n FROM "+schema+".a")
}

// What a crash of the server loses, and what not.
func TestImmediate(t *testing.T) {
	t.Parallel()
	s := Start(t)
	Exec(t, s.URL(), "CREATE TABLE kept (n int)", "CREATE UNLOGGED TABLE emptied (n int)", "INSERT INTO kept VALUES (1)", "INSERT INTO emptied VALUES (1)")
	if n, err := s.Terminate(t.Context(), "true"); err != nil {
		t.Errorf("Terminate: %d, %v", n, err)
	}
	for _, mode := range []Mode{Immediate, Fast} {
		if err := s.Down(mode); err != nil {
			t.Fatal(err)
		}
		if err := s.Up(); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var kept, emptied int
	if err := conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM emptied)").Scan(&kept, &emptied); err != nil {
		t.Fatal(err)
	}
	if kept != 1 || emptied != 0 {
		t.Errorf("%d kept, %d emptied", kept, emptied)
	}
}
