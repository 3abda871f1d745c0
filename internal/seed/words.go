package seed

// The words that titles, names and texts are put together from.

var (
	forenames = []string{
		"Ayşe", "Mehmet", "Elif", "Mustafa", "Zeynep", "Çağlar", "Işıl", "İbrahim", "Gülşen", "Özgür", "Şule", "Hüseyin",
		"Fatma", "Oğuz", "Sevgi", "Umut", "Ümit", "Yağmur", "Barış", "Ceren", "Emre", "Gökhan", "İpek", "Kerem",
	}
	surnames = []string{
		"Yılmaz", "Kaya", "Demir", "Çelik", "Şahin", "Yıldız", "Öztürk", "Aydın", "Özdemir", "Arslan", "Doğan", "Kılıç",
		"Aslan", "Çetin", "Kara", "Koç", "Kurt", "Özkan", "Şimşek", "Işık", "Güneş", "Ünal", "Bulut", "Toprak",
	}
	directions = []string{
		"Kuzey", "Güney", "Doğu", "Batı", "Körfez", "Mavi", "Açık", "Derin", "Yıldız", "Şafak", "Çınar", "Işık",
		"İnci", "Öncü", "Üçler", "Gökçe", "Poyraz", "Lodos", "Karayel", "Meltem", "Ege", "Ilgın",
	}
	portWords = []string{
		"Rıhtım", "İskele", "Liman", "Dalga", "Pupa", "Çapa", "Halat", "Yelken", "Mendirek", "Şamandıra", "Pruva", "Dümen",
		"Güverte", "Ambar", "Palamar", "Fener",
	}
	trades = []string{
		"Denizcilik A.Ş.", "Lojistik Ltd. Şti.", "Gemi Acenteliği A.Ş.", "Deniz Taşımacılığı A.Ş.", "Tersanecilik San. A.Ş.",
		"Su Ürünleri Ltd. Şti.", "Yat İşletmeciliği A.Ş.", "Kumanya ve Tedarik Ltd. Şti.", "Atık Yönetimi A.Ş.", "Antrepoculuk Ltd. Şti.",
	}
	taxOffices = []string{"Körfez", "Liman", "Kordon", "İskele", "Çarşı", "Yalı", "Fener", "Gümrük", "Kıyı", "Hisar"}
	quarters   = []string{"Liman", "Sahil", "Çarşı", "İskele", "Yalı", "Fener", "Kıyı", "Değirmen"}
	streets    = []string{"Rıhtım", "Gümrük", "Çapa", "Denizciler", "Kılavuz", "Yelken", "Tersane", "Işıklar"}

	foreignWords = []string{
		"Blue Harbour", "North Quay", "Lantern Bay", "Anchor Line", "Silver Tide", "Lighthouse", "Open Sound", "Grey Gull", "Breakwater", "Compass Rose",
	}
)

var towns = []struct {
	city      string
	districts []string
	dial      int
}{
	{"İzmir", []string{"Aliağa", "Konak", "Çeşme", "Foça", "Karşıyaka"}, 232},
	{"İstanbul", []string{"Beyoğlu", "Tuzla", "Kadıköy", "Şile"}, 212},
	{"Kocaeli", []string{"Körfez", "Gölcük", "Dilovası"}, 262},
	{"Mersin", []string{"Akdeniz", "Taşucu", "Silifke"}, 324},
	{"Antalya", []string{"Konyaaltı", "Alanya", "Kaş"}, 242},
	{"Çanakkale", []string{"Gelibolu", "Karabiga", "Bozcaada"}, 286},
	{"Muğla", []string{"Bodrum", "Güllük", "Marmaris"}, 252},
	{"Samsun", []string{"İlkadım", "Tekkeköy"}, 362},
	{"Trabzon", []string{"Ortahisar", "Sürmene"}, 462},
	{"Hatay", []string{"İskenderun", "Dörtyol"}, 326},
}

var foreignPorts = []struct{ city, country string }{
	{"Hamburg", "DE"}, {"Rotterdam", "NL"}, {"Pire", "GR"}, {"Trieste", "IT"}, {"Köstence", "RO"}, {"Varna", "BG"}, {"Valletta", "MT"},
}

// families are kinds of services with the price range of a unit in lira.
var families = []struct {
	name, category, unit string
	least, most          int64
}{
	{"Römorkör", "ROMORKAJ", "SAAT", 1200, 6500},
	{"Kılavuzluk", "PILOTAJ", "SEFER", 2000, 9000},
	{"Palamar ve bağlama", "BAGLAMA", "ADET", 400, 2500},
	{"Mobil vinç", "KALDIRMA", "SAAT", 1800, 12000},
	{"Forklift", "KALDIRMA", "SAAT", 600, 2400},
	{"Katı atık alımı", "ATIK", "M3", 300, 1500},
	{"Sıvı atık alımı", "ATIK", "TON", 800, 4000},
	{"İçme suyu", "SU", "M3", 15, 90},
	{"Kıyı elektriği", "ELEKTRIK", "KWH", 5, 14},
	{"Yakıt ikmali", "YAKIT", "LT", 35, 60},
	{"Kapalı ambar ardiyesi", "DEPOLAMA", "GUN", 150, 1200},
	{"Açık saha ardiyesi", "DEPOLAMA", "M2", 12, 80},
	{"Yat bağlama", "MB-AYLIK", "AY", 8000, 45000},
	{"Motorbot personel nakli", "SEFER-YOLCU", "SEFER", 700, 3200},
	{"Motorbot kumanya sevkiyatı", "SEFER-YUK", "SEFER", 900, 4200},
	{"Tekne boyama", "BAKIM-BOYA", "M2", 90, 600},
	{"Motor bakımı", "BAKIM-MOTOR", "SAAT", 700, 3500},
	{"Dalgıç muayenesi", "BAKIM-GENEL", "SAAT", 2500, 9000},
	{"Usturmaça kirası", "TEMIN", "GUN", 200, 1600},
	{"Araç ve iş makinesi girişi", "TEMIN", "ADET", 300, 1800},
}

var variants = []string{
	"gündüz", "gece vardiyası", "hafta sonu", "acil çağrı", "küçük tonaj", "büyük tonaj", "iç rıhtım", "dış iskele", "tehlikeli yük",
	"soğuk zincir", "proje yükü", "abonman",
}

// resources are what an item without a service bills, with the price of an hour in
// lira.
var resources = []struct {
	code, name string
	least      int64
}{
	{"FRK-03", "Forklift 3 ton", 750},
	{"FRK-07", "Forklift 7 ton", 1250},
	{"VNC-60", "Mobil vinç 60 ton", 4200},
	{"TRP-01", "Akülü transpalet", 320},
	{"ROM-01", "Römorkör Çınar", 5200},
	{"DLG-01", "Dalgıç ekibi", 3900},
	{"KYN-01", "Kaynakçı", 680},
	{"ISC-04", "Dört kişilik işçi postası", 1450},
}

var (
	shipKinds = []odds[string]{{"M/V", 50}, {"M/T", 15}, {"Ro-Ro", 8}, {"Yat", 12}, {"Balıkçı", 8}, {"Şat", 7}}
	shipFirst = []string{
		"Işıl", "İnci", "Şafak", "Çağla", "Gökçe", "Öncü", "Yıldız", "Poyraz", "Güneş", "Mercan", "Kıyı", "Ağustos", "Üzüm", "Lodos", "Ilgaz", "Düş",
	}
	shipLast = []string{"Deniz", "Kaptan", "Rüzgârı", "Yıldızı", "Dalgası", "Işığı", "Martısı", "Yolu", "Şarkısı", "Gölgesi"}
	berths   = []string{"Rıhtım 1", "Rıhtım 2", "Rıhtım 3", "Rıhtım 4", "İskele A", "İskele B", "İskele C", "Demir sahası", "Dış mendirek", "Şamandıra 2"}

	boatTasks  = []string{"Motorbot personel nakli", "Motorbot kumanya sevkiyatı", "Gemiye acente ulaşımı", "Demirdeki gemiye malzeme teslimi", "Mürettebat değişimi"}
	stayTasks  = []string{"Barınma yeri tahsisi", "Kışlık bağlama", "Geçici bağlama", "Barınma sözleşmesi yenileme", "Tekne çekme ve kışlama"}
	otherTasks = []string{
		"Saha temizliği", "Ölçü ve kontrol çalışması", "Çevre denetimi hazırlığı", "Depo düzenleme", "Usturmaça değişimi", "Aydınlatma direği onarımı", "İskele ızgarası kaynağı",
	}
	serviceActions = []string{"araç girişi", "forklift", "yükleme", "tahliye", "ikmal", "bağlama", "çözme", "ölçüm"}

	descriptions = []string{
		"Gemi yanaşmadan yarım saat önce ekip rıhtımda hazır olacak.",
		"Yük listesi acente tarafından e-posta ile gönderildi; ağır parçalar önce indirilecek.",
		"Çalışma sırasında iskelenin kuzey ucu kapalı tutulacak, güvenlik şeridi çekilecek.",
		"Gümrük muayenesi bitmeden ambar açılmayacak. Şüphede vardiya amirine danışın.",
		"Araç plakaları ve şoför bilgileri kapıya bir gün önceden bildirildi.",
		"Su ve elektrik sayaçları iş başında ve sonunda okunup tutanağa işlenecek.",
		"Rüzgâr 25 knotu geçerse vinç çalışması durdurulacak.",
		"Aynı gemi için açılan önceki iş emriyle birlikte yürütülecek.",
	}
	orderNotes = []string{
		"Müşteri faturayı ay sonunda toplu istiyor.", "Ölçü tutanağı arşivde.", "İrtibat: acente nöbetçisi.", "Geç iptal hâlinde yarım ücret uygulanır.",
		"Ek ekipman gerekirse aynı tarife geçerli.", "Çıkışta kantar fişi alınacak.",
	}
	itemNotes       = []string{"mesai dışı", "sayaç okumasına göre", "acente onaylı", "puantaj ekte", "fazla çalışma dâhil"}
	completionNotes = []string{
		"İş eksiksiz tamamlandı, tutanak imzalandı.", "Çalışma bitti, saha temiz teslim edildi.", "Planlanandan erken bitirildi.",
		"Yağış yüzünden gecikmeli tamamlandı.", "Ölçüler alındı, sorun görülmedi.", "Tamamlandı; ufak boya çizikleri not edildi.",
	}
	approvalNotes = []string{"Uygundur.", "Vardiya planına alındı.", "Ekipman ayrıldı.", "Rıhtım programına göre uygundur."}
	rejections    = []string{
		"İstenen saatte rıhtım dolu, başka gün önerildi.", "Yük belgeleri eksik, tamamlanınca yeniden gönderin.", "Ekipman bakımda, bu hafta verilemiyor.",
		"Aynı iş için açık bir iş emri var.", "Tehlikeli yük bildirimi yapılmamış.", "Cari hesapta gecikmiş borç bulunuyor.",
	}
	cancellations = []string{
		"Gemi limana uğramaktan vazgeçti.", "Müşteri talebini geri çekti, yazısı ekte.", "Hava koşulları nedeniyle iptal edildi.", "Gemi başka limana yönlendirildi.",
	}
	reopenings = []string{"Eksik kalan iş için yeniden açıldı.", "Puantaj hatası düzeltilecek.", "Müşteri ek çalışma istedi, aynı emirle sürecek."}
)
