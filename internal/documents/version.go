package documents

// SchemaVersion returns the version that New brings this package's tables to.
func SchemaVersion() int { return len(schema()) }
