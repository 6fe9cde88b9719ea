package extract

// Content is the document's JSON as one value: what its schema is made of. It
// is never held: writeJSON writes it piece by piece.
type Content struct {
	Head
	Pages       []PageContent   `json:"pages" nullable:"false"`
	Elements    []Element       `json:"elements" nullable:"false" doc:"In reading order"`
	Tables      []Table         `json:"tables" nullable:"false"`
	Images      []DocumentImage `json:"images" nullable:"false" doc:"Small decoration and backgrounds are left out"`
	FormFields  []Field         `json:"form_fields" nullable:"false"`
	Annotations []Annotation    `json:"annotations" nullable:"false"`
	Chunks      []Chunk         `json:"chunks" nullable:"false" doc:"Every character of the body is in one"`
}
