package apperr

// Entry says what a code means. The table is the only list of codes: the SDL
// enum UserErrorCode and docs/errors.md are generated from it.
type Entry struct {
	Code      Code
	User      bool // true: comes as a userError of a payload; false: as a top-level error
	HTTP      int  // status under application/graphql-response+json, and in the audit trail
	Retryable bool
	Text      Text
}

// Top-level codes: the request cannot be answered.
const (
	ParseFailed          Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed     Code = "GRAPHQL_VALIDATION_FAILED"
	OperationResolution  Code = "OPERATION_RESOLUTION_FAILURE"
	BadUserInput         Code = "BAD_USER_INPUT"
	BadRequest           Code = "BAD_REQUEST"
	UnsupportedMedia     Code = "UNSUPPORTED_MEDIA_TYPE"
	MethodNotAllowed     Code = "METHOD_NOT_ALLOWED"
	PayloadTooLarge      Code = "PAYLOAD_TOO_LARGE"
	BadCursor            Code = "BAD_CURSOR"
	FilterNotIndexed     Code = "FILTER_NOT_INDEXED"
	PageSizeExceeded     Code = "PAGE_SIZE_EXCEEDED"
	QueryTooComplex      Code = "QUERY_TOO_COMPLEX"
	QueryTooDeep         Code = "QUERY_TOO_DEEP"
	TooManyAliases       Code = "TOO_MANY_ALIASES"
	TooManyTokens        Code = "TOO_MANY_TOKENS"
	Unauthenticated      Code = "UNAUTHENTICATED"
	TokenExpired         Code = "TOKEN_EXPIRED"
	Forbidden            Code = "FORBIDDEN"
	RateLimited          Code = "RATE_LIMITED"
	Timeout              Code = "TIMEOUT"
	Unavailable          Code = "UNAVAILABLE"
	ReadOnly             Code = "READ_ONLY"
	IdempotencyKeyReused Code = "IDEMPOTENCY_KEY_REUSED"
	RateFetch            Code = "KUR_FETCH_ERROR"
	Internal             Code = "INTERNAL"
)

// User codes: the input can be mended.
const (
	Validation            Code = "VALIDATION_ERROR"
	Duplicate             Code = "DUPLICATE_ENTRY"
	VersionConflict       Code = "VERSION_CONFLICT"
	InvalidCredentials    Code = "AUTH_INVALID_CREDENTIALS"
	TokenInvalid          Code = "AUTH_TOKEN_INVALID"
	SessionExpired        Code = "AUTH_TOKEN_EXPIRED"
	UserNotFound          Code = "AUTH_USER_NOT_FOUND"
	RoleNotFound          Code = "AUTH_ROLE_NOT_FOUND"
	RoleInUse             Code = "AUTH_ROLE_IN_USE"
	LastAdmin             Code = "AUTH_LAST_ADMIN"
	SessionNotFound       Code = "AUTH_SESSION_NOT_FOUND"
	CariNotFound          Code = "CARI_NOT_FOUND"
	CariInactive          Code = "CARI_INACTIVE"
	CariDuplicate         Code = "CARI_DUPLICATE_CODE"
	CariEmail             Code = "CARI_INVALID_EMAIL"
	CariPhone             Code = "CARI_INVALID_PHONE"
	CariTaxNumber         Code = "CARI_INVALID_TAX_NUMBER"
	CariHasOrders         Code = "CARI_DELETE_HAS_RELATIONS"
	CariLocked            Code = "CARI_LOCKED"
	MotorbotNotFound      Code = "MOTORBOT_NOT_FOUND"
	MotorbotDuplicate     Code = "MOTORBOT_DUPLICATE_CODE"
	MotorbotCapacity      Code = "MOTORBOT_INVALID_CAPACITY"
	MotorbotUnavailable   Code = "MOTORBOT_UNAVAILABLE"
	MotorbotInUse         Code = "MOTORBOT_IN_USE"
	TripNotFound          Code = "SEFER_NOT_FOUND"
	TripDuplicate         Code = "SEFER_DUPLICATE"
	TripDate              Code = "SEFER_INVALID_DATE"
	TripConflict          Code = "SEFER_CONFLICT"
	TripTransition        Code = "SEFER_INVALID_STATUS_TRANSITION"
	TripCompleted         Code = "SEFER_ALREADY_COMPLETED"
	TripCannotDelete      Code = "SEFER_CANNOT_DELETE"
	TripNotPriced         Code = "SEFER_NOT_PRICED"
	ServiceNotFound       Code = "HIZMET_NOT_FOUND"
	ServiceInactive       Code = "HIZMET_INACTIVE"
	ServiceDuplicate      Code = "HIZMET_DUPLICATE_CODE"
	ServiceLocked         Code = "HIZMET_LOCKED"
	ServicePrice          Code = "HIZMET_INVALID_PRICE"
	PriceMissing          Code = "PRICE_MISSING_INPUT"
	PriceFormula          Code = "PRICE_INVALID_FORMULA"
	TariffNotFound        Code = "TARIFE_NOT_FOUND"
	TariffItemNotFound    Code = "TARIFE_ITEM_NOT_FOUND"
	OverrideNotFound      Code = "TARIFE_OVERRIDE_NOT_FOUND"
	TariffDuplicate       Code = "TARIFE_DUPLICATE"
	TariffDates           Code = "TARIFE_INVALID_DATES"
	TariffOverlap         Code = "TARIFE_OVERLAPPING_PERIOD"
	TariffTransition      Code = "TARIFE_INVALID_STATUS_TRANSITION"
	TariffLocked          Code = "TARIFE_LOCKED"
	TariffEmpty           Code = "TARIFE_EMPTY"
	TariffInactive        Code = "TARIFE_INACTIVE"
	TariffTiers           Code = "TARIFE_INVALID_TIERS"
	RateNotFound          Code = "KUR_NOT_FOUND"
	RateDate              Code = "KUR_INVALID_DATE"
	RateMissing           Code = "KUR_RATE_NOT_AVAILABLE"
	ParameterNotFound     Code = "PARAMETRE_NOT_FOUND"
	ParameterDuplicate    Code = "PARAMETRE_DUPLICATE_CODE"
	ParameterCategory     Code = "PARAMETRE_INVALID_CATEGORY"
	ParameterRequired     Code = "PARAMETRE_REQUIRED"
	WorkOrderNotFound     Code = "WO_NOT_FOUND"
	WorkOrderTransition   Code = "WO_INVALID_STATUS_TRANSITION"
	WorkOrderMissing      Code = "WO_MISSING_REQUIRED_FIELD"
	WorkOrderCannotDelete Code = "WO_CANNOT_DELETE"
	WorkOrderInvoiced     Code = "WO_ALREADY_INVOICED"
	WorkOrderItemNotFound Code = "WO_ITEM_NOT_FOUND"
	WorkOrderLocked       Code = "WO_LOCKED"
	WorkOrderSelfApproval Code = "WO_SELF_APPROVAL"
	PersonNotFound        Code = "WO_PERSON_NOT_FOUND"
	PersonApproved        Code = "WO_ALREADY_APPROVED"
	WorkOrderPendingLogs  Code = "WO_PENDING_WORK_LOGS"
	WorkOrderInside       Code = "WO_OPEN_GATE_ENTRIES"
	WorkOrderOvertime     Code = "WO_OVERTIME_NOT_KNOWN"
	WorkLogNotFound       Code = "WORKLOG_NOT_FOUND"
	WorkLogHours          Code = "WORKLOG_INVALID_HOURS"
	WorkLogCompleted      Code = "WORKLOG_WO_COMPLETED"
	WorkLogDuplicate      Code = "WORKLOG_DUPLICATE_ENTRY"
	WorkLogTransition     Code = "WORKLOG_INVALID_STATUS_TRANSITION"
	GateLogNotFound       Code = "GATELOG_NOT_FOUND"
	GateLogExited         Code = "GATELOG_ALREADY_EXITED"
	GateLogInside         Code = "GATELOG_ALREADY_INSIDE"
	GateLogNotApproved    Code = "GATELOG_WO_NOT_APPROVED"
	GateLogPerson         Code = "GATELOG_PERSON_NOT_APPROVED"
	GateLogChecklist      Code = "GATELOG_MISSING_CHECKLIST"
	GateLogPIN            Code = "GATELOG_INVALID_PIN"
	GateLogCorrected      Code = "GATELOG_ALREADY_CORRECTED"
	ChecklistItemNotFound Code = "GATELOG_CHECKLIST_NOT_FOUND"
	JobNotFound           Code = "JOB_NOT_FOUND"
	JobRunNotFound        Code = "JOB_RUN_NOT_FOUND"
	JobRunState           Code = "JOB_RUN_INVALID_STATE"
	ReportMonth           Code = "REPORT_INVALID_MONTH"
	NotificationNotFound  Code = "NOTIFICATION_NOT_FOUND"
	ResetInvalid          Code = "AUTH_RESET_TOKEN_INVALID"
	MailOff               Code = "MAIL_NOT_CONFIGURED"
)

// Table lists every code, top-level ones first.
var Table = []Entry{
	{ParseFailed, false, 400, false, Text{"Sorgu çözümlenemedi: {reason}", "The document cannot be parsed: {reason}"}},
	{ValidationFailed, false, 400, false, Text{"Sorgu şemaya uymuyor: {reason}", "The document does not fit the schema: {reason}"}},
	{OperationResolution, false, 400, false, Text{"Çalıştırılacak işlem belirlenemedi.", "The operation to run cannot be told."}},
	{BadUserInput, false, 400, false, Text{"Değişkenler veya argümanlar uygun değil: {reason}", "Variables or arguments do not fit: {reason}"}},
	{BadRequest, false, 400, false, Text{"İstek anlaşılamadı.", "The request cannot be understood."}},
	{UnsupportedMedia, false, 415, false, Text{"İçerik türü desteklenmiyor; application/json gönderin.", "The content type is not supported; send application/json."}},
	{MethodNotAllowed, false, 405, false, Text{"Bu yöntemle yapılamaz; POST kullanın.", "Not allowed with this method; use POST."}},
	{PayloadTooLarge, false, 413, false, Text{"İstek çok büyük.", "The request is too large."}},
	{BadCursor, false, 400, false, Text{"İmleç bu listeye, filtreye veya sıralamaya ait değil.", "The cursor does not belong to this list, filter or order."}},
	{FilterNotIndexed, false, 400, false, Text{"Bu filtre birleşimi sunulmuyor. Sunulanlar: {possible}", "This combination of filters is not offered. Offered are: {possible}"}},
	{PageSizeExceeded, false, 400, false, Text{"Sayfa boyu 1 ile {limit} arasında olmalı; first ve last birlikte verilemez.", "The page size must be between 1 and {limit}; first and last exclude each other."}},
	{QueryTooComplex, false, 400, false, Text{"Sorgu çok pahalı ({measure}).", "The query costs too much ({measure})."}},
	{QueryTooDeep, false, 400, false, Text{"Sorgu çok derin ({measure}).", "The query is too deep ({measure})."}},
	{TooManyAliases, false, 400, false, Text{"Sorguda çok fazla takma ad var ({measure}).", "The query has too many aliases ({measure})."}},
	{TooManyTokens, false, 400, false, Text{"Sorgu çok uzun.", "The query is too long."}},
	{Unauthenticated, false, 401, false, Text{"Önce oturum açın.", "Sign in first."}},
	{TokenExpired, false, 401, false, Text{"Oturumun süresi doldu; yenileyin.", "The session has expired; refresh it."}},
	{Forbidden, false, 403, false, Text{"Bunun için {permission} yetkisi gerekir.", "This needs the permission {permission}."}},
	{RateLimited, false, 429, true, Text{"Çok fazla istek; biraz bekleyin.", "Too many requests; wait a little."}},
	{Timeout, false, 504, true, Text{"İşlem zamanında bitmedi.", "The operation took too long."}},
	{Unavailable, false, 503, true, Text{"Veritabanına şu anda ulaşılamıyor; yeniden deneyin.", "The database cannot be reached right now; try again."}},
	{ReadOnly, false, 503, true, Text{"Sistem şu anda yalnızca okunabilir.", "The system can only be read at the moment."}},
	{IdempotencyKeyReused, false, 409, false, Text{"Bu idempotencyKey başka bir girdiyle kullanılmış.", "This idempotencyKey was used with another input."}},
	{RateFetch, false, 503, true, Text{"Kurlar alınamadı ({reason}); kayıtlı kurlar değişmedi.", "The rates could not be fetched ({reason}); those on record are unchanged."}},
	{Internal, false, 500, false, Text{"Beklenmeyen bir hata oluştu.", "An unexpected error happened."}},

	{Validation, true, 400, false, Text{"Girdi geçersiz.", "The input is not valid."}},
	{Duplicate, true, 409, false, Text{"Bu kayıt zaten var.", "This record exists already."}},
	{VersionConflict, true, 409, false, Text{"Kayıt bu arada değişti (sürüm {current}, beklenen {expected}).", "The record has changed meanwhile (version {current}, expected {expected})."}},
	{InvalidCredentials, true, 401, false, Text{"E-posta veya parola yanlış. On başarısız denemeden sonra hesap 15 dakika kilitlenir.", "The e-mail or the password is wrong. After ten failures an account is locked for 15 minutes."}},
	{TokenInvalid, true, 401, false, Text{"Yenileme anahtarı geçersiz; yeniden giriş yapın.", "The refresh token is not valid; sign in again."}},
	{SessionExpired, true, 401, false, Text{"Oturumun süresi doldu; yeniden giriş yapın.", "The session has expired; sign in again."}},
	{SessionNotFound, true, 404, false, Text{"Oturum bulunamadı.", "There is no such session."}},
	{UserNotFound, true, 404, false, Text{"Kullanıcı bulunamadı.", "There is no such user."}},
	{RoleNotFound, true, 404, false, Text{"Rol bulunamadı: {role}", "There is no such role: {role}"}},
	{RoleInUse, true, 409, false, Text{"Bu rol kullanılıyor veya yerleşik; silinemez.", "The role is in use or built in; it cannot be removed."}},
	{LastAdmin, true, 422, false, Text{"Kullanıcıları yönetebilen en az bir etkin kullanıcı kalmalı.", "At least one active user who may administer users must remain."}},
	{CariNotFound, true, 404, false, Text{"Cari bulunamadı.", "There is no such customer account."}},
	{CariInactive, true, 422, false, Text{"Cari {cariCode} pasif.", "The customer account {cariCode} is inactive."}},
	{CariDuplicate, true, 409, false, Text{"{cariCode} kodlu cari zaten var.", "There is a customer account {cariCode} already."}},
	{CariEmail, true, 400, false, Text{"Geçerli bir e-posta adresi değil.", "Not an e-mail address."}},
	{CariPhone, true, 400, false, Text{"Geçerli bir telefon numarası değil (05xx…, +90…).", "Not a telephone number (05xx…, +90…)."}},
	{CariTaxNumber, true, 400, false, Text{"Geçerli bir vergi numarası değil.", "Not a tax number."}},
	{CariHasOrders, true, 409, false, Text{"Carinin {count} açık iş emri var.", "The customer account has {count} open work orders."}},
	{CariLocked, true, 422, false, Text{"Hareketi olan carinin tipi, vergi numarası ve para birimi değiştirilemez.", "Type, tax number and currency of a customer account with work orders or trips cannot be changed."}},
	{MotorbotNotFound, true, 404, false, Text{"Motorbot bulunamadı.", "There is no such motorboat."}},
	{MotorbotDuplicate, true, 409, false, Text{"{mbCode} kodlu motorbot zaten var.", "There is a motorboat {mbCode} already."}},
	{MotorbotCapacity, true, 400, false, Text{"Kapasite 0'dan büyük, en çok {max} ton ve en çok iki ondalık basamaklı olmalı.", "The capacity must be greater than 0, at most {max} tons, with at most two decimal places."}},
	{MotorbotUnavailable, true, 422, false, Text{"{mbCode} motorbotu {status} durumunda; bu sefer yapılamaz.", "The motorboat {mbCode} is {status}; it cannot make this trip."}},
	{MotorbotInUse, true, 409, false, Text{"Seferi olan motorbot silinemez ve kapasitesi değiştirilemez.", "A motorboat with trips cannot be deleted, nor its capacity changed."}},
	{TripNotFound, true, 404, false, Text{"Sefer bulunamadı.", "There is no such trip."}},
	{TripDuplicate, true, 409, false, Text{"Bu sefer numarası zaten kullanılmış; yeniden deneyin.", "This trip number is taken already; try again."}},
	{TripDate, true, 400, false, Text{"Dönüş çıkıştan sonra olmalı.", "The return must come after the departure."}},
	{TripConflict, true, 409, false, Text{"Motorbot bu saatlerde başka seferde: {tripNo}, {from} – {to}.", "The motorboat is on another trip in these hours: {tripNo}, {from} – {to}."}},
	{TripTransition, true, 422, false, Text{"{from} durumundaki seferde bu adım atılamaz. İzin verilenler: {allowed}", "A trip in {from} cannot take this step. Allowed are: {allowed}"}},
	{TripCompleted, true, 409, false, Text{"Tamamlanmış sefer değiştirilemez.", "A completed trip cannot be changed."}},
	{TripCannotDelete, true, 422, false, Text{"{status} durumundaki sefer silinemez.", "A trip in {status} cannot be deleted."}},
	{TripNotPriced, true, 422, false, Text{"Sefer fiyatlanmamış; önce fiyatlandırılmalı.", "The trip has no price; it has to be priced first."}},
	{ServiceNotFound, true, 404, false, Text{"Hizmet bulunamadı.", "There is no such service."}},
	{ServiceInactive, true, 422, false, Text{"Hizmet {code} pasif.", "The service {code} is inactive."}},
	{ServiceDuplicate, true, 409, false, Text{"{code} kodlu hizmet zaten var.", "There is a service {code} already."}},
	{ServiceLocked, true, 422, false, Text{"Kullanılmış hizmetin birimi, grubu ve hesaplama tipi değiştirilemez.", "Unit, group and calculation type of a service that was used cannot be changed."}},
	{ServicePrice, true, 422, false, Text{"Hizmet {code} için {currency} fiyatı yok; birim fiyat verin.", "The service {code} has no price in {currency}; give a unit price."}},
	{PriceMissing, true, 400, false, Text{"Fiyat için {field} gerekir ve eksi olamaz.", "The price needs {field}, which must not be negative."}},
	{PriceFormula, true, 400, false, Text{"Hesaplama türü veya parametreleri geçersiz.", "The calculation type or its parameters are not valid."}},
	{TariffNotFound, true, 404, false, Text{"Tarife bulunamadı.", "There is no such price list."}},
	{TariffItemNotFound, true, 404, false, Text{"Tarife kalemi bulunamadı.", "There is no such item of a price list."}},
	{OverrideNotFound, true, 404, false, Text{"Dönemlik fiyat bulunamadı.", "There is no such dated price."}},
	{TariffDuplicate, true, 409, false, Text{"{code} kodlu tarife zaten var; yeni sürümü kopyalayarak açın.", "There is a price list {code} already; copy it for a new version."}},
	{TariffDates, true, 400, false, Text{"Geçerlilik bitişi başlangıçtan sonra olmalı.", "The validity must end after it begins."}},
	{TariffOverlap, true, 409, false, Text{"Geçerlilik süresi {other} ile çakışıyor ({from} – {to}).", "The period overlaps that of {other} ({from} to {to})."}},
	{TariffTransition, true, 422, false, Text{"Tarife {from} durumundan bu adımla geçemez. İzin verilenler: {allowed}", "A price list in {from} cannot take this step. Allowed are: {allowed}"}},
	{TariffLocked, true, 422, false, Text{"{status} durumundaki tarife değiştirilemez; yeni sürümü kopyalayarak açın.", "A price list in {status} cannot be changed; copy it for a new version."}},
	{TariffEmpty, true, 422, false, Text{"Kalemi olmayan tarife yürürlüğe giremez.", "A price list without items cannot be activated."}},
	{TariffInactive, true, 422, false, Text{"{code} tarifesi bu tarihte geçerli değil.", "The price list {code} is not in force on that day."}},
	{TariffTiers, true, 400, false, Text{"Miktar kademeleri geçersiz.", "The quantity tiers are not valid."}},
	{RateNotFound, true, 404, false, Text{"Kur veya bülten bulunamadı.", "There is no such rate or bulletin."}},
	{RateDate, true, 400, false, Text{"{day} günü olmaz; en geç {last} olabilir.", "{day} cannot be; {last} is the latest day."}},
	{RateMissing, true, 404, false, Text{"{currency} için {kind} kuru bulunamadı ({day}).", "There is no {kind} rate of {currency} ({day})."}},
	{ParameterNotFound, true, 404, false, Text{"Parametre bulunamadı.", "There is no such parameter."}},
	{ParameterDuplicate, true, 409, false, Text{"{category} kategorisinde {code} kodu zaten var.", "The category {category} has the code {code} already."}},
	{ParameterCategory, true, 400, false, Text{"{category} kategorisine kod eklenemez.", "No codes can be added to the category {category}."}},
	{ParameterRequired, true, 422, false, Text{"{code} parametresini bir kural okuyor; pasif yapılamaz.", "A rule reads the parameter {code}; it cannot be deactivated."}},
	{WorkOrderNotFound, true, 404, false, Text{"İş emri bulunamadı.", "There is no such work order."}},
	{WorkOrderTransition, true, 422, false, Text{"İş emri {from} durumundan bu adımla geçemez. İzin verilenler: {allowed}", "A work order in {from} cannot take this step. Allowed are: {allowed}"}},
	{WorkOrderMissing, true, 400, false, Text{"İş emrinde eksik var: {missing}", "The work order lacks: {missing}"}},
	{WorkOrderCannotDelete, true, 422, false, Text{"{status} durumundaki iş emri silinemez.", "A work order in {status} cannot be deleted."}},
	{WorkOrderInvoiced, true, 422, false, Text{"Faturalanmış kalem değiştirilemez.", "An invoiced item cannot be changed."}},
	{WorkOrderItemNotFound, true, 404, false, Text{"İş emri kalemi bulunamadı.", "There is no such work order item."}},
	{WorkOrderLocked, true, 422, false, Text{"{status} durumunda bu alan değiştirilemez.", "In {status} this field cannot be changed."}},
	{WorkOrderSelfApproval, true, 422, false, Text{"Talep eden kendi iş emrini onaylayamaz.", "The requester cannot approve their own work order."}},
	{PersonNotFound, true, 404, false, Text{"İş emri kişisi bulunamadı.", "There is no such person of a work order."}},
	{PersonApproved, true, 422, false, Text{"Güvenliğin onayladığı kişi değiştirilemez ve silinemez.", "A person whom security has approved cannot be changed or removed."}},
	{WorkOrderPendingLogs, true, 422, false, Text{"İş emrinin onay bekleyen {count} saha kaydı var.", "The work order has {count} work logs waiting for approval."}},
	{WorkOrderInside, true, 422, false, Text{"İş emrinden {count} araç veya kişi hâlâ içeride.", "{count} vehicles or persons of the work order are still inside."}},
	{WorkOrderOvertime, true, 422, false, Text{"Mesai aşımı henüz hesaplanamaz: işin bitişi ve kapıdan son çıkış kayıtlı olmalı.", "Overtime cannot be told yet: the end of the work and the last exit at the gate must be on record."}},
	{WorkLogNotFound, true, 404, false, Text{"Saha kaydı bulunamadı.", "There is no such work log."}},
	{WorkLogHours, true, 400, false, Text{"Bitiş başlangıçtan en az bir dakika sonra olmalı.", "The end must come at least a minute after the start."}},
	{WorkLogCompleted, true, 422, false, Text{"{status} durumundaki iş emrine saha kaydı eklenemez.", "A work order in {status} takes no more work logs."}},
	{WorkLogDuplicate, true, 409, false, Text{"{name} için bu saatlerle çakışan bir saha kaydı var.", "There is a work log of {name} in these hours already."}},
	{WorkLogTransition, true, 422, false, Text{"{status} durumundaki saha kaydında bu yapılamaz.", "This cannot be done with a work log in {status}."}},
	{GateLogNotFound, true, 404, false, Text{"Kapı kaydı bulunamadı.", "There is no such gate log."}},
	{GateLogExited, true, 422, false, Text{"Çıkış zaten kaydedilmiş.", "The exit is on record already."}},
	{GateLogInside, true, 409, false, Text{"{who} zaten içeride.", "{who} is inside already."}},
	{GateLogNotApproved, true, 422, false, Text{"{woNumber} girişe açık değil ({status}).", "{woNumber} is not open for entries ({status})."}},
	{GateLogPerson, true, 422, false, Text{"Kişi güvenlik tarafından onaylanmamış.", "Security has not approved the person."}},
	{GateLogChecklist, true, 422, false, Text{"Kontrol listesinde eksik var: {labels}", "The checklist lacks: {labels}"}},
	{GateLogPIN, true, 403, false, Text{"PIN geçersiz. Beş başarısız denemeden sonra 15 dakika kilitlenir.", "The PIN is not valid. After five failures it is locked for 15 minutes."}},
	{GateLogCorrected, true, 422, false, Text{"Bu kapı kaydı başka bir kayıtla düzeltilmiş.", "Another gate log corrects this one."}},
	{ChecklistItemNotFound, true, 404, false, Text{"Kontrol listesi maddesi bulunamadı.", "There is no such checklist item."}},
	{JobNotFound, true, 404, false, Text{"Böyle bir iş yok: {job}", "There is no such job: {job}"}},
	{JobRunNotFound, true, 404, false, Text{"İş çalışması bulunamadı.", "There is no such run of a job."}},
	{JobRunState, true, 422, false, Text{"Bu çalışma {state} durumunda; bu adım atılamaz.", "The run is {state}; this cannot be done to it."}},
	{ReportMonth, true, 400, false, Text{"Ay YYYY-AA biçiminde ve en geç {last} olmalı.", "The month must have the form YYYY-MM and be {last} at the latest."}},
	{NotificationNotFound, true, 404, false, Text{"Bildirim bulunamadı.", "There is no such notification."}},
	{ResetInvalid, true, 400, false, Text{"Sıfırlama anahtarı geçersiz, kullanılmış veya süresi dolmuş; yeniden isteyin.", "The reset token is not valid, was used or has expired; ask for another."}},
	{MailOff, true, 422, false, Text{"Bu sunucu e-posta göndermiyor; yeni parolayı yöneticinizden isteyin.", "This server sends no e-mails; ask your administrator for a new password."}},
}

// index is Table by code.
var index = func() map[Code]Entry {
	m := make(map[Code]Entry, len(Table))
	for _, e := range Table {
		m[e.Code] = e
	}
	return m
}()

func (c Code) entry() Entry {
	if e, ok := index[c]; ok {
		return e
	}
	return index[Internal]
}

// IsUser tells a userError from a top-level error.
func (c Code) IsUser() bool { return c.entry().User }

// HTTP is the status that the code stands for.
func (c Code) HTTP() int { return c.entry().HTTP }

// Retryable tells whether the same request may succeed later.
func (c Code) Retryable() bool { return c.entry().Retryable }
