package pdf

// fn names a function that PDFium exports.
type fn int

const (
	fnMalloc fn = iota
	fnFree

	fnLoadDocument
	fnCloseDocument
	fnLastError
	fnPageCount
	fnFileVersion
	fnSecurityRevision
	fnIsTagged
	fnMetaText
	fnPageLabel
	fnAttachmentCount
	fnAttachment
	fnAttachmentName

	fnBookmarkFirst
	fnBookmarkNext
	fnBookmarkTitle
	fnBookmarkDest
	fnBookmarkAction
	fnDestPage
	fnActionType
	fnActionDest
	fnActionURI
	fnLinkEnumerate
	fnLinkRect
	fnLinkDest
	fnLinkAction

	fnFormType
	fnFormInit
	fnAttachmentFile
	fnAttachmentSubtype
	fnAttachmentText

	fnAnnotCount
	fnAnnot
	fnAnnotClose
	fnAnnotSubtype
	fnAnnotRect
	fnAnnotText
	fnAnnotFlags
	fnAnnotQuadCount
	fnAnnotQuad
	fnTextBounded
	fnFieldName
	fnFieldLabel
	fnFieldValue
	fnFieldType
	fnFieldFlags
	fnFieldOptionCount
	fnFieldOption

	fnLoadPage
	fnClosePage
	fnPageWidth
	fnPageHeight
	fnPageRotation
	fnPageBox

	fnTextLoad
	fnTextClose
	fnTextCount
	fnTextUnicode
	fnTextObject
	fnTextOrigin
	fnTextBox
	fnTextSize
	fnTextMatrix
	fnTextGenerated
	fnTextHyphen
	fnTextMapError
	fnTextRenderMode

	fnObjectFont
	fnFontName
	fnFontFamily
	fnFontFlags
	fnFontWeight
	fnFontItalic

	fnObjectCount
	fnObject
	fnObjectType
	fnObjectBounds
	fnObjectMatrix
	fnFillColor
	fnStrokeColor
	fnStrokeWidth
	fnFormCount
	fnFormObject
	fnPathMode
	fnPathCount
	fnPathSegment
	fnSegmentType
	fnSegmentPoint
	fnSegmentClose
	fnSetMatrix

	fnStructTree
	fnStructClose
	fnStructRoots
	fnStructRoot
	fnStructType
	fnStructAlt
	fnStructCount
	fnStructChild
	fnStructChildMark
	fnStructAttributes
	fnStructAttribute
	fnStructValue
	fnStructNumber
	fnObjectMarkID
	fnObjectMarks
	fnObjectMark
	fnMarkName

	fnImageSize
	fnImageFilterCount
	fnImageFilter
	fnImageRaw
	fnImageRender

	fnBitmapCreate
	fnBitmapFill
	fnBitmapBuffer
	fnBitmapWidth
	fnBitmapHeight
	fnBitmapStride
	fnBitmapFormat
	fnBitmapDestroy
	fnRender

	fnCount
)

var fnNames = [fnCount]string{
	fnMalloc: "malloc",
	fnFree:   "free",

	fnLoadDocument:     "FPDF_LoadCustomDocument",
	fnCloseDocument:    "FPDF_CloseDocument",
	fnLastError:        "FPDF_GetLastError",
	fnPageCount:        "FPDF_GetPageCount",
	fnFileVersion:      "FPDF_GetFileVersion",
	fnSecurityRevision: "FPDF_GetSecurityHandlerRevision",
	fnIsTagged:         "FPDFCatalog_IsTagged",
	fnMetaText:         "FPDF_GetMetaText",
	fnPageLabel:        "FPDF_GetPageLabel",
	fnAttachmentCount:  "FPDFDoc_GetAttachmentCount",
	fnAttachment:       "FPDFDoc_GetAttachment",
	fnAttachmentName:   "FPDFAttachment_GetName",

	fnBookmarkFirst:  "FPDFBookmark_GetFirstChild",
	fnBookmarkNext:   "FPDFBookmark_GetNextSibling",
	fnBookmarkTitle:  "FPDFBookmark_GetTitle",
	fnBookmarkDest:   "FPDFBookmark_GetDest",
	fnBookmarkAction: "FPDFBookmark_GetAction",
	fnDestPage:       "FPDFDest_GetDestPageIndex",
	fnActionType:     "FPDFAction_GetType",
	fnActionDest:     "FPDFAction_GetDest",
	fnActionURI:      "FPDFAction_GetURIPath",
	fnLinkEnumerate:  "FPDFLink_Enumerate",
	fnLinkRect:       "FPDFLink_GetAnnotRect",
	fnLinkDest:       "FPDFLink_GetDest",
	fnLinkAction:     "FPDFLink_GetAction",

	fnFormType:          "FPDF_GetFormType",
	fnFormInit:          "FPDFDOC_InitFormFillEnvironment",
	fnAttachmentFile:    "FPDFAttachment_GetFile",
	fnAttachmentSubtype: "FPDFAttachment_GetSubtype",
	fnAttachmentText:    "FPDFAttachment_GetStringValue",

	fnAnnotCount:       "FPDFPage_GetAnnotCount",
	fnAnnot:            "FPDFPage_GetAnnot",
	fnAnnotClose:       "FPDFPage_CloseAnnot",
	fnAnnotSubtype:     "FPDFAnnot_GetSubtype",
	fnAnnotRect:        "FPDFAnnot_GetRect",
	fnAnnotText:        "FPDFAnnot_GetStringValue",
	fnAnnotFlags:       "FPDFAnnot_GetFlags",
	fnAnnotQuadCount:   "FPDFAnnot_CountAttachmentPoints",
	fnAnnotQuad:        "FPDFAnnot_GetAttachmentPoints",
	fnTextBounded:      "FPDFText_GetBoundedText",
	fnFieldName:        "FPDFAnnot_GetFormFieldName",
	fnFieldLabel:       "FPDFAnnot_GetFormFieldAlternateName",
	fnFieldValue:       "FPDFAnnot_GetFormFieldValue",
	fnFieldType:        "FPDFAnnot_GetFormFieldType",
	fnFieldFlags:       "FPDFAnnot_GetFormFieldFlags",
	fnFieldOptionCount: "FPDFAnnot_GetOptionCount",
	fnFieldOption:      "FPDFAnnot_GetOptionLabel",

	fnLoadPage:     "FPDF_LoadPage",
	fnClosePage:    "FPDF_ClosePage",
	fnPageWidth:    "FPDF_GetPageWidthF",
	fnPageHeight:   "FPDF_GetPageHeightF",
	fnPageRotation: "FPDFPage_GetRotation",
	fnPageBox:      "FPDF_GetPageBoundingBox",

	fnTextLoad:       "FPDFText_LoadPage",
	fnTextClose:      "FPDFText_ClosePage",
	fnTextCount:      "FPDFText_CountChars",
	fnTextUnicode:    "FPDFText_GetUnicode",
	fnTextObject:     "FPDFText_GetTextObject",
	fnTextOrigin:     "FPDFText_GetCharOrigin",
	fnTextBox:        "FPDFText_GetCharBox",
	fnTextSize:       "FPDFText_GetFontSize",
	fnTextMatrix:     "FPDFText_GetMatrix",
	fnTextGenerated:  "FPDFText_IsGenerated",
	fnTextHyphen:     "FPDFText_IsHyphen",
	fnTextMapError:   "FPDFText_HasUnicodeMapError",
	fnTextRenderMode: "FPDFTextObj_GetTextRenderMode",

	fnObjectFont: "FPDFTextObj_GetFont",
	fnFontName:   "FPDFFont_GetBaseFontName",
	fnFontFamily: "FPDFFont_GetFamilyName",
	fnFontFlags:  "FPDFFont_GetFlags",
	fnFontWeight: "FPDFFont_GetWeight",
	fnFontItalic: "FPDFFont_GetItalicAngle",

	fnObjectCount:  "FPDFPage_CountObjects",
	fnObject:       "FPDFPage_GetObject",
	fnObjectType:   "FPDFPageObj_GetType",
	fnObjectBounds: "FPDFPageObj_GetBounds",
	fnObjectMatrix: "FPDFPageObj_GetMatrix",
	fnFillColor:    "FPDFPageObj_GetFillColor",
	fnStrokeColor:  "FPDFPageObj_GetStrokeColor",
	fnStrokeWidth:  "FPDFPageObj_GetStrokeWidth",
	fnFormCount:    "FPDFFormObj_CountObjects",
	fnFormObject:   "FPDFFormObj_GetObject",
	fnPathMode:     "FPDFPath_GetDrawMode",
	fnPathCount:    "FPDFPath_CountSegments",
	fnPathSegment:  "FPDFPath_GetPathSegment",
	fnSegmentType:  "FPDFPathSegment_GetType",
	fnSegmentPoint: "FPDFPathSegment_GetPoint",
	fnSegmentClose: "FPDFPathSegment_GetClose",
	fnSetMatrix:    "FPDFPageObj_SetMatrix",

	fnStructTree:       "FPDF_StructTree_GetForPage",
	fnStructClose:      "FPDF_StructTree_Close",
	fnStructRoots:      "FPDF_StructTree_CountChildren",
	fnStructRoot:       "FPDF_StructTree_GetChildAtIndex",
	fnStructType:       "FPDF_StructElement_GetType",
	fnStructAlt:        "FPDF_StructElement_GetAltText",
	fnStructCount:      "FPDF_StructElement_CountChildren",
	fnStructChild:      "FPDF_StructElement_GetChildAtIndex",
	fnStructChildMark:  "FPDF_StructElement_GetChildMarkedContentID",
	fnStructAttributes: "FPDF_StructElement_GetAttributeCount",
	fnStructAttribute:  "FPDF_StructElement_GetAttributeAtIndex",
	fnStructValue:      "FPDF_StructElement_Attr_GetValue",
	fnStructNumber:     "FPDF_StructElement_Attr_GetNumberValue",
	fnObjectMarkID:     "FPDFPageObj_GetMarkedContentID",
	fnObjectMarks:      "FPDFPageObj_CountMarks",
	fnObjectMark:       "FPDFPageObj_GetMark",
	fnMarkName:         "FPDFPageObjMark_GetName",

	fnImageSize:        "FPDFImageObj_GetImagePixelSize",
	fnImageFilterCount: "FPDFImageObj_GetImageFilterCount",
	fnImageFilter:      "FPDFImageObj_GetImageFilter",
	fnImageRaw:         "FPDFImageObj_GetImageDataRaw",
	fnImageRender:      "FPDFImageObj_GetRenderedBitmap",

	fnBitmapCreate:  "FPDFBitmap_Create",
	fnBitmapFill:    "FPDFBitmap_FillRect",
	fnBitmapBuffer:  "FPDFBitmap_GetBuffer",
	fnBitmapWidth:   "FPDFBitmap_GetWidth",
	fnBitmapHeight:  "FPDFBitmap_GetHeight",
	fnBitmapStride:  "FPDFBitmap_GetStride",
	fnBitmapFormat:  "FPDFBitmap_GetFormat",
	fnBitmapDestroy: "FPDFBitmap_Destroy",
	fnRender:        "FPDF_RenderPageBitmap",
}
