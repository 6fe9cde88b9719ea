package layout

func (f *finder) aligned() {}

func (f *finder) divide(g grid) grid { return g }
