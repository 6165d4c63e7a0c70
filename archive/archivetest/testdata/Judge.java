import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.PrintStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Prints a line for each file of a zip archive: SHA-256, size, Unix time, name. */
class Judge {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        byte[] block = new byte[1 << 20];
        try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(new FileInputStream(args[0])))) {
            for (ZipEntry entry; (entry = in.getNextEntry()) != null;) {
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                long size = 0;
                for (int n; (n = in.read(block)) > 0;) {
                    digest.update(block, 0, n);
                    size += n;
                }
                if (size != entry.getSize()) {
                    throw new Exception(entry.getName() + " has " + size + " bytes, its header says " + entry.getSize());
                }
                String sum = HexFormat.of().formatHex(digest.digest());
                long modified = entry.getLastModifiedTime().to(TimeUnit.SECONDS);
                out.print(sum + " " + size + " " + modified + " " + entry.getName() + "\n");
            }
        }
        out.flush();
    }
}
