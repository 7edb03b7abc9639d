/** People who speak a language: names as they write them, each with the Latin letters of their addresses, and what they say of themselves. */
export type Culture = { language: string; given: Name[]; family: Name[]; bios: string[] };
export type Name = { written: string; latin: string };

/** `Анна/anna`; a name in plain Latin letters is its own. An underscore stands for a space. */
const names = (text: string): Name[] =>
  text.split(' ').map((entry) => {
    const [written = '', latin = written.toLowerCase()] = entry.split('/');
    return { written: written.replaceAll('_', ' '), latin };
  });

const culture = (language: string, given: string, family: string, ...bios: string[]): Culture => ({
  language,
  given: names(given),
  family: names(family),
  bios,
});

// Formatted by hand: one name list a line reads better than one name a line.
// biome-ignore format: tables
export const cultures: readonly Culture[] = [
  culture('en', 'Amelia Oliver Grace Henry Chloe Samuel Ruby Nathan Imogen Theo', 'Whitfield Carter Hughes Okafor Bennett Marsh Sinclair O’Neill/oneill Fletcher Doyle',
    'Teaches physics, repairs old radios.', 'Runs a bakery with two ovens and no plan.', 'Cyclist. Map person. Early riser.'),
  culture('en-US', 'Mason Ava Jordan Madison Elijah Naomi Caleb Sofia Tyler Hazel', 'Ramirez Brooks Nguyen Coleman Schultz Rivera Jenkins Patel Morgan Lindqvist',
    'Backend developer who likes boring databases.', 'Night-shift nurse and amateur astronomer.', 'Two dogs, one banjo.'),
  culture('de', 'Jürgen/juergen Käthe/kaethe Lukas Mia Björn/bjoern Annika Matthias Lena Uwe Zoë/zoe', 'Müller/mueller Weiß/weiss Schröder/schroeder Neumann Groß/gross Krüger/krueger Vogel Hoffmann von_Ahn/vonahn Bäcker/baecker',
    'Baut Brücken, die meisten aus Stahl.', 'Liest Fahrpläne zum Vergnügen.', 'Imkerin mit drei Völkern.'),
  culture('fr', 'Zoé/zoe François/francois Hélène/helene Loïc/loic Camille Noël/noel Inès/ines Théo/theo Anaïs/anais Gaëlle/gaelle', 'Lefèvre/lefevre Dubois Géraud/geraud Moreau Le_Goff/legoff Benoît/benoit Faure D’Arcy/darcy Marchand Chevalier',
    'Libraire à la retraite, jardinière le reste du temps.', 'Photographe de gares.', 'Apprend l’accordéon, pardon aux voisins.'),
  culture('es', 'María/maria José/jose Íñigo/inigo Lucía/lucia Ramón/ramon Begoña/begona Ángel/angel Noelia Andrés/andres Ximena', 'García/garcia Muñoz/munoz Ibáñez/ibanez Núñez/nunez Peña/pena Ortega Castaño/castano Vázquez/vazquez Rojas Güiraldes/guiraldes',
    'Cocina como su abuela, programa como nadie.', 'Traductora. Café solo, por favor.', 'Busca setas en otoño.'),
  culture('pt-BR', 'João/joao Antônia/antonia Thaís/thais Caetano Inácio/inacio Letícia/leticia Sebastião/sebastiao Luísa/luisa Rafael Conceição/conceicao', 'Gonçalves/goncalves Araújo/araujo Magalhães/magalhaes Sá/sa Conceição/conceicao Pereira Guimarães/guimaraes Leão/leao Teixeira Brandão/brandao',
    'Professora de história e goleira aos domingos.', 'Mora perto do mar, trabalha longe dele.', 'Faz violões à mão.'),
  culture('it', 'Niccolò/niccolo Chiara Lorenzo Giulia Nicoletta Matteo Ginevra Pasquale Desirée/desiree Tommaso', 'Rossi D’Angelo/dangelo Nicolò/nicolo Ferrari De_Luca/deluca Conti Esposito Fabbri Marini Galli',
    'Ripara biciclette e orologi.', 'Studia architettura, sogna barche.', 'Nonno di cinque nipoti.'),
  culture('pl', 'Łukasz/lukasz Małgorzata/malgorzata Stanisław/stanislaw Grażyna/grazyna Żaneta/zaneta Wojciech Agnieszka Paweł/pawel Zofia Michał/michal', 'Wiśniewska/wisniewska Dąbrowski/dabrowski Wójcik/wojcik Kamińska/kaminska Jabłoński/jablonski Nowak Zając/zajac Król/krol Mazur Świątek/swiatek',
    'Chodzi po górach, najchętniej zimą.', 'Gra w szachy korespondencyjne.', 'Piecze chleb na zakwasie.'),
  culture('tr', 'Çağla/cagla Ömer/omer Şebnem/sebnem Yiğit/yigit İpek/ipek Özgür/ozgur Gülşah/gulsah Emre Ayşe/ayse Uğur/ugur', 'Yılmaz/yilmaz Öztürk/ozturk Çelik/celik Şahin/sahin Güneş/gunes Koç/koc Doğan/dogan Aydın/aydin Kılıç/kilic Işık/isik',
    'Denizi ve sessiz sabahları sever.', 'Mimar; kedileri projelerinden çok.', 'Eski plaklar toplar.'),
  culture('vi', 'Hương/huong Tuấn/tuan Ngọc/ngoc Phượng/phuong Đức/duc Thảo/thao Quỳnh/quynh Khánh/khanh Mỹ_Linh/mylinh Bảo/bao', 'Nguyễn/nguyen Trần/tran Lê/le Phạm/pham Huỳnh/huynh Đặng/dang Bùi/bui Vũ/vu Đỗ/do Hồ/ho',
    'Nấu phở ngon nhất phố.', 'Yêu mưa và sách cũ.', 'Kỹ sư, thích chạy bộ.'),
  culture('ru', 'Анна/anna Ольга/olga Татьяна/tatiana Ксения/ksenia Алёна/alyona Юлия/yulia Дарья/darya Нина/nina', 'Иванова/ivanova Щербакова/shcherbakova Королёва/koroleva Соколова/sokolova Жукова/zhukova Ёлкина/yolkina Белая/belaya Воробьёва/vorobyova',
    'Рисует карты городов, которых нет.', 'Врач. По выходным поёт в хоре.', 'Читает всё, кроме инструкций.'),
  culture('ru', 'Фёдор/fyodor Илья/ilya Григорий/grigory Тимур/timur Семён/semyon Юрий/yury Глеб/gleb Артём/artyom', 'Кузнецов/kuznetsov Ильин/ilyin Журавлёв/zhuravlev Толстой/tolstoy Медведев/medvedev Цой/tsoi Белых/belykh Орлов/orlov',
    'Чинит велосипеды и старые часы.', 'Инженер мостов. Любит туман.', 'Двадцать лет ищет лучший борщ.'),
  culture('uk', 'Олена/olena Микола/mykola Ївга/yivha Соломія/solomiia Андрій/andrii Ґалина/galyna Тарас/taras Юлія/yuliia', 'Шевченко/shevchenko Коваленко/kovalenko Бондаренко/bondarenko Їжак/yizhak Ткачук/tkachuk Мельник/melnyk Лисенко/lysenko Гнатюк/hnatiuk',
    'Вчителька математики, грає на бандурі.', 'Збирає старі листівки.', 'Розводить бджіл.'),
  culture('el', 'Ελένη/eleni Γιώργος/giorgos Αθηνά/athina Νίκος/nikos Μαρία/maria Στέλιος/stelios Χλόη/chloi Ορέστης/orestis', 'Παπαδόπουλος/papadopoulos Αγγέλου/angelou Οικονόμου/oikonomou Βασιλείου/vasileiou Νικολάου/nikolaou Ξένου/xenou Ραπτάκης/raptakis Λάμπρου/lamprou',
    'Ψαρεύει το πρωί, γράφει το βράδυ.', 'Αρχαιολόγος με αλλεργία στη σκόνη.', 'Μαθαίνει σκάκι.'),
  culture('ka', 'ნინო/nino გიორგი/giorgi თამარ/tamar ლევან/levan ქეთევან/ketevan ზურაბ/zurab', 'ბერიძე/beridze კაპანაძე/kapanadze მაისურაძე/maisuradze ლომიძე/lomidze ჩხეიძე/chkheidze ღლონტი/ghlonti',
    'მღერის გუნდში.', 'ღვინის მეგობარი.', 'მთამსვლელი.'),
  culture('hy', 'Անահիտ/anahit Արամ/aram Նարե/nare Տիգրան/tigran Լուսինե/lusine Հայկ/hayk', 'Պետրոսյան/petrosyan Սարգսյան/sargsyan Գրիգորյան/grigoryan Հակոբյան/hakobyan Մանուկյան/manukyan Ղազարյան/ghazaryan',
    'Նկարում է լեռներ։', 'Ծրագրավորող։', 'Սիրում է սուրճ։'),
  culture('ar', 'فاطمة/fatima يوسف/yusuf ليلى/layla خالد/khalid مريم/maryam عمر/omar نور/noor هدى/huda', 'الحسن/alhassan منصور/mansour العلي/alali حداد/haddad سليمان/suleiman النجار/alnajjar خوري/khoury زيدان/zaydan',
    'مهندسة تحب القهوة والخط العربي.', 'يكتب الشعر ليلا.', 'طبيب أطفال.'),
  culture('he', 'נועה/noa איתן/eitan תמר/tamar יונתן/yonatan שירה/shira אורי/uri', 'כהן/cohen לוי/levi מזרחי/mizrahi פרידמן/friedman ברק/barak גולן/golan',
    'מורה לספרות, רצה מרתון.', 'אוהב תפוזים וים.', 'בונה כלי נגינה.'),
  culture('fa', 'شیرین/shirin رضا/reza پریسا/parisa کاوه/kaveh ژاله/zhaleh آرش/arash', 'حسینی/hosseini رستمی/rostami یزدانی/yazdani کریمی/karimi پارسا/parsa گلستانی/golestani',
    'عاشق کتاب و چای.', 'معمار و باغبان.', 'کوهنورد.'),
  culture('hi', 'प्रिया/priya अर्जुन/arjun काव्या/kavya रोहन/rohan मीरा/meera विक्रम/vikram अनन्या/ananya श्रेय/shreya', 'शर्मा/sharma वर्मा/verma सिंह/singh गुप्ता/gupta मिश्रा/mishra त्रिपाठी/tripathi चौधरी/chaudhary जोशी/joshi',
    'चाय और क्रिकेट की शौकीन।', 'रेलगाड़ियों की तस्वीरें खींचता है।', 'शास्त्रीय संगीत सीखती है।'),
  culture('ta', 'கவிதா/kavitha முருகன்/murugan செல்வி/selvi அருண்/arun மலர்/malar குமரன்/kumaran', 'சுப்பிரமணியன்/subramanian ராஜன்/rajan வேலு/velu நடராஜன்/natarajan பாண்டியன்/pandian இளங்கோ/ilango',
    'தமிழ் ஆசிரியர்.', 'கடலும் கவிதையும்.', 'இசை பிரியர்.'),
  culture('th', 'สมชาย/somchai มาลี/malee วิชัย/wichai ปิยะ/piya อรุณ/arun น้ำฝน/namfon', 'ใจดี/jaidee แสงทอง/saengthong วงศ์สวัสดิ์/wongsawat ศรีสุข/srisuk ทองคำ/thongkham บุญมี/boonmee',
    'ชอบทำอาหารและแมว', 'ครูสอนดนตรี', 'นักเดินทาง'),
  culture('am', 'ሰላም/selam ዳዊት/dawit ሄለን/helen ዮናስ/yonas ማርታ/marta ብሩክ/biruk', 'ተስፋዬ/tesfaye በቀለ/bekele ኃይሌ/haile አበበ/abebe ወልዱ/woldu ገብሬ/gebre',
    'ቡና ወዳጅ።', 'ሯጭ እና መምህር።', 'ፎቶ አንሺ።'),
  culture('zh-Hans', '婷婷/tingting 伟/wei 秀英/xiuying 子轩/zixuan 欣怡/xinyi 磊/lei 浩然/haoran 雪梅/xuemei', '王/wang 李/li 欧阳/ouyang 张/zhang 陈/chen 司马/sima 刘/liu 赵/zhao',
    '喜欢爬山和绿茶。', '软件工程师,养了两只猫。', '周末学做菜。'),
  culture('zh-Hant', '怡君/yijun 志明/zhiming 雅婷/yating 家豪/jiahao 淑芬/shufen 冠宇/guanyu', '林/lin 黃/huang 歐陽/ouyang 鄭/zheng 謝/xie 蘇/su',
    '在海邊長大。', '咖啡師與吉他手。', '收集舊地圖。'),
  culture('ja', '陽子/yoko さくら/sakura 健太/kenta 蓮/ren 美咲/misaki 翔/sho 葵/aoi 直樹/naoki', '佐藤/sato 鈴木/suzuki 髙橋/takahashi 渡邊/watanabe 五十嵐/igarashi 神田/kanda 齋藤/saito 小野/ono',
    '猫とカレーが好きです。', '鉄道写真を撮っています。', '週末は山にいます。'),
  culture('ko', '지우/jiwoo 민준/minjun 서연/seoyeon 도윤/doyun 하은/haeun 예준/yejun', '김/kim 이/lee 박/park 최/choi 남궁/namgung 황보/hwangbo',
    '등산과 커피를 좋아해요.', '밤에 코드를 쓰고 낮에 잡니다.', '도예를 배우는 중.'),
];
