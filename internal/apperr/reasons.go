package apperr

// Reasons for which one input field is refused with VALIDATION_ERROR.
var (
	Required    = Text{"Bu alan zorunludur.", "This field is required."}
	Length      = Text{"{min} ile {max} karakter arasında olmalı.", "Must have between {min} and {max} characters."}
	TooShort    = Text{"En az {min} karakter olmalı.", "Must have at least {min} characters."}
	TooLong     = Text{"En çok {max} karakter olmalı.", "Must have at most {max} characters."}
	Control     = Text{"Denetim karakteri içeremez.", "Must not contain control characters."}
	Positive    = Text{"Sıfırdan büyük olmalı.", "Must be greater than zero."}
	NotNegative = Text{"Eksi olamaz.", "Must not be negative."}
	OutOfRange  = Text{"{min} ile {max} arasında olmalı.", "Must be between {min} and {max}."}
	TooPrecise  = Text{"En çok {places} ondalık basamak olabilir.", "May have at most {places} decimal places."}
	TooBig      = Text{"Değer çok büyük.", "The value is too large."}
	EndFirst    = Text{"Bitiş başlangıçtan sonra olmalı.", "The end must come after the start."}
	InPast      = Text{"Geçmiş bir gün olamaz.", "Must not be a day in the past."}
	OneOf       = Text{"Şunlardan tam olarak biri verilmeli: {fields}.", "Give exactly one of: {fields}."}
	TooMany     = Text{"En çok {max} tane olabilir.", "There may be at most {max}."}
	Currency    = Text{"Üç harfli para birimi kodu olmalı (TRY, USD …).", "Must be a three-letter currency code (TRY, USD …)."}
	SameMoney   = Text{"İş emrinin para birimi {currency} olmalı.", "Must be the currency of the work order, {currency}."}
)
