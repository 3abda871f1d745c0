package apperr

// Reasons for which one input field is refused with VALIDATION_ERROR.
var (
	Required          = Text{"Bu alan zorunludur.", "This field is required."}
	Length            = Text{"{min} ile {max} karakter arasında olmalı.", "Must have between {min} and {max} characters."}
	TooShort          = Text{"En az {min} karakter olmalı.", "Must have at least {min} characters."}
	TooLong           = Text{"En çok {max} karakter olmalı.", "Must have at most {max} characters."}
	Control           = Text{"Denetim karakteri içeremez.", "Must not contain control characters."}
	Positive          = Text{"Sıfırdan büyük olmalı.", "Must be greater than zero."}
	NotNegative       = Text{"Eksi olamaz.", "Must not be negative."}
	OutOfRange        = Text{"{min} ile {max} arasında olmalı.", "Must be between {min} and {max}."}
	TooPrecise        = Text{"En çok {places} ondalık basamak olabilir.", "May have at most {places} decimal places."}
	TooBig            = Text{"Değer çok büyük.", "The value is too large."}
	EndFirst          = Text{"Bitiş başlangıçtan sonra olmalı.", "The end must come after the start."}
	InPast            = Text{"Geçmiş bir gün olamaz.", "Must not be a day in the past."}
	OneOf             = Text{"Şunlardan tam olarak biri verilmeli: {fields}.", "Give exactly one of: {fields}."}
	AtLeastOne        = Text{"Şunlardan en az biri verilmeli: {fields}.", "Give at least one of: {fields}."}
	ForeignCurrency   = Text{"TRY dışında bir para birimi olmalı.", "Must be a currency other than TRY."}
	BelowBuying       = Text{"Satış kuru alış kurundan küçük olamaz.", "The selling rate must not be below the buying rate."}
	TooMany           = Text{"En çok {max} tane olabilir.", "There may be at most {max}."}
	Currency          = Text{"Üç harfli para birimi kodu olmalı (TRY, USD …).", "Must be a three-letter currency code (TRY, USD …)."}
	WeakPassword      = Text{"Büyük harf, küçük harf ve rakam içermeli.", "Must have an upper-case letter, a lower-case letter and a digit."}
	Email             = Text{"Geçerli bir e-posta adresi olmalı.", "Must be an e-mail address."}
	RoleName          = Text{"Büyük harf, rakam ve alt çizgiden oluşan 2–50 karakter olmalı.", "Must be 2 to 50 upper-case letters, digits or underscores."}
	UnknownPermission = Text{"Böyle bir yetki yok: {permission}", "There is no such permission: {permission}"}
	CariCode          = Text{"Büyük harf, rakam, - ve _ işaretlerinden oluşan 3–20 karakter olmalı.", "Must be 3 to 20 upper-case letters, digits, - or _."}
	Country           = Text{"İki harfli ülke kodu olmalı (TR, DE …).", "Must be a two-letter country code (TR, DE …)."}
	NationalID        = Text{"Geçerli bir TCKN değil.", "Not a national id (TCKN)."}
	NotForLegal       = Text{"Tüzel kişide boş olmalı.", "Must be empty for a legal person."}
	IBAN              = Text{"Geçerli bir IBAN değil.", "Not an IBAN."}
	NotAnObject       = Text{"Bir JSON nesnesi olmalı.", "Must be a JSON object."}
	UnknownKey        = Text{"Bu ad bilinmiyor. Bilinenler: {known}", "This name is not known. Known are: {known}"}
	GivenTwice        = Text{"Birden çok kez verilmiş.", "Given more than once."}
	NotANumber        = Text{"Bir sayı olmalı.", "Must be a number."}
	NotWhole          = Text{"Tam sayı olmalı.", "Must be a whole number."}
	NotATruthValue    = Text{"true veya false olmalı.", "Must be true or false."}
	NotOneOf          = Text{"Şunlardan biri olmalı: {possible}", "Must be one of: {possible}"}
	MeasureName       = Text{"Bir ölçü adı olmalı: büyük harf, rakam ve alt çizgiden oluşan 1–20 karakter (GRT …).", "Must name a measure: 1 to 20 upper-case letters, digits or underscores (GRT …)."}
	SameMeasure       = Text{"İki ölçü farklı olmalı; adı verilen ölçü bir tanedir.", "The two measures must differ; only one can be a named one."}
	NoSurcharges      = Text{"Bu iş emrine ek ücret uygulanmaz.", "This work order takes no surcharges."}
	AtLeast           = Text{"En az {min} olmalı.", "Must be at least {min}."}
	FirstTier         = Text{"İlk kademe {min} değerinden başlamalı.", "The first tier must begin at {min}."}
	TierGap           = Text{"{from} ile {to} arası hiçbir kademede değil.", "Quantities from {from} to {to} are in no tier."}
	TierOverlap       = Text{"{from} ile {to} arası birden çok kademede.", "Quantities from {from} to {to} are in more than one tier."}
	DaysOfMonth       = Text{"Virgülle ayrılmış ay günleri olmalı (7,14,21,28,30).", "Must be days of a month with commas between them (7,14,21,28,30)."}
	Currencies        = Text{"Virgülle ayrılmış üç harfli para birimi kodları olmalı (USD,EUR).", "Must be three-letter currency codes with commas between them (USD,EUR)."}
	ClockTime         = Text{"Saat ve dakika olmalı (22:00).", "Must be a time of day (22:00)."}
	DateDay           = Text{"Bir gün olmalı (2026-03-01).", "Must be a day (2026-03-01)."}
	JSONText          = Text{"JSON olmalı.", "Must be JSON."}
	ParameterCode     = Text{"Büyük harf veya rakamla başlayan; büyük harf, rakam ve . / _ - işaretlerinden oluşan 1–100 karakter olmalı.", "Must be 1 to 100 upper-case letters, digits, dots, slashes, - or _, beginning with a letter or digit."}
	NoSecrets         = Text{"Parola ve anahtarlar parametre olamaz; ortam değişkeni olarak verin.", "Passwords and keys are no parameters; give them as environment variables."}
	Unchangeable      = Text{"Bu değer programa aittir, değiştirilemez.", "This value belongs to the program and cannot be changed."}
	UnitCode          = Text{"Büyük harf ve rakamlardan oluşan 1–20 karakter olmalı.", "Must be 1 to 20 upper-case letters or digits."}
	NotActive         = Text{"{category} kategorisinde etkin bir değer olmalı.", "Must be an active value of the category {category}."}
)
