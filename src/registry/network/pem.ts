/** Certificates as PEM text. RFC 7468. */
import { X509Certificate } from "node:crypto";

const BLOCK = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificate blocks of a text, each as it stands there; text around them is passed over. */
export function pemBlocks(text: string): string[] {
  return text.match(BLOCK) ?? [];
}

/** What two PEM texts of one certificate share, whatever their line ends. */
export function pemBody(block: string): string {
  return block.replace(/-----[^-]+-----|\s+/g, "");
}

/** Whether a runtime would take it: one that it does not take spoils all others given with it. */
export function isCertificate(block: string): boolean {
  try {
    new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}
