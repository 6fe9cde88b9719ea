package pdf

import (
	"image"
	"image/color"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/image/draw"
)

// TestScaledMemory shrinks a page scanned at 600 dots an inch: what that takes
// beside the picture has to fit a reader.
func TestScaledMemory(t *testing.T) {
	page := image.NewGray(image.Rect(0, 0, 4960, 7016))
	const most = 64 << 20 // what is drawn has 35 MB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	scaled(page, 2480, 3508)
	runtime.ReadMemStats(&after)
	got := after.TotalAlloc - before.TotalAlloc
	if got > most {
		t.Errorf("drawing a page of 35 MP took %d MB", got>>20)
	}
}

// TestScaledLikeBilinear compares with what does the same in more memory.
func TestScaledLikeBilinear(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	from := image.NewNRGBA(image.Rect(3, 5, 203, 105))
	for y := 5; y < 105; y++ {
		for x := 3; x < 203; x++ {
			from.SetNRGBA(x, y, color.NRGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32())})
		}
	}
	for _, size := range []image.Point{{99, 49}, {1, 1}, {7, 100}, {150, 170}, {400, 20}, {200, 33}} {
		want := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
		draw.Draw(want, want.Rect, image.White, image.Point{}, draw.Src)
		draw.BiLinear.Scale(want, want.Rect, from, from.Rect, draw.Over, nil)
		got := scaled(from, size.X, size.Y)
		for i := range want.Pix {
			if d := int(got.Pix[i]) - int(want.Pix[i]); d < -2 || d > 2 {
				t.Fatalf("%v: byte %d is %d, wanted about %d", size, i, got.Pix[i], want.Pix[i])
			}
		}
	}
}
