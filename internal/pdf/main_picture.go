package pdf

import (
	"encoding/json"
	"fmt"
)

// roomy makes room for a bitmap and sees to it that the document is open.
func (w *readerMain) roomy() error {
	if w.doc != 0 {
		if err := w.shrink(w.engine.memory.limit / 4); err != nil {
			return err
		}
	}
	return w.ready()
}

func (w *readerMain) render(payload []byte) (byte, []byte, error) {
	var r renderRequest
	if err := json.Unmarshal(payload, &r); err != nil {
		return 0, nil, fmt.Errorf("decode request: %w", err)
	}
	return w.drawn(func() (int, int, []byte, error) {
		if w.raster != nil {
			return w.raster.picture(r, w.pixels())
		}
		return w.engine.picture(w.doc, r)
	})
}

func (w *readerMain) image(payload []byte) (byte, []byte, error) {
	var r imageRequest
	if err := json.Unmarshal(payload, &r); err != nil {
		return 0, nil, fmt.Errorf("decode request: %w", err)
	}
	return w.drawn(func() (int, int, []byte, error) {
		if w.raster != nil {
			return w.raster.image(r, w.pixels())
		}
		return w.engine.image(w.doc, r)
	})
}

// drawn answers with what draw gives; nothing where there is nothing to draw.
func (w *readerMain) drawn(draw func() (width, height int, data []byte, err error)) (byte, []byte, error) {
	if err := w.roomy(); err != nil {
		return 0, nil, err
	}
	var width, height int
	var data []byte
	err := w.heavy(func() (err error) { width, height, data, err = draw(); return err })
	if err != nil {
		return 0, nil, err
	}
	var answer []byte
	if data != nil {
		answer = encodePicture(width, height, data)
	}
	return framePicture, answer, w.shrink(w.engine.memory.limit / 2)
}

func (w *readerMain) images(payload []byte) (byte, []byte, error) {
	number, err := decodePage(payload)
	if err != nil {
		return 0, nil, err
	}
	if err := w.ready(); err != nil {
		return 0, nil, err
	}
	list, err := w.listImages(number)
	if err != nil {
		return 0, nil, err
	}
	answer, err := json.Marshal(list)
	if err != nil {
		return 0, nil, fmt.Errorf("encode list of images: %w", err)
	}
	return frameImageList, answer, w.shrink(w.engine.memory.limit / 2)
}
